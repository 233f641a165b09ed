# What is wrong with the Bicep files of a folder, as far as a grammar and their own names tell: one finding a line.
# Microsoft's compiler, which knows the types of resources too, is not among the packages that tests can install.
import re
import sys
from pathlib import Path

import tree_sitter
import tree_sitter_bicep

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
DECLARATIONS = {
    f"{kind}_declaration": kind for kind in ("parameter", "variable", "resource", "module", "output")
}
# Of the language ("Bicep functions"); only those that are used here.
FUNCTIONS = set(
    "concat flatten guid last map resourceGroup split subscription subscriptionResourceId take tenant uniqueString "
    "allowed batchSize description maxLength minLength maxValue minValue secure".split()
)


def text(node):
    return node.text.decode()


def below(node):
    yield node
    for child in node.children:
        yield from below(child)


def declared(root):
    """Names by kind, with their nodes."""
    found = {kind: {} for kind in DECLARATIONS.values()}
    for node in root.children:
        kind = DECLARATIONS.get(node.type)
        if kind is not None:
            name = next(child for child in node.named_children if child.type == "identifier")
            found[kind][text(name)] = node
    return found


def keys(node):
    """The names of an object's properties."""
    return {text(each.named_children[0]): each for each in node.children if each.type == "object_property"}


def is_name_of_property(node):
    return node.parent.type == "object_property" and node.parent.named_children[0] == node


def is_declared_name(node):
    declares = node.parent.type in DECLARATIONS or node.parent.type in ("for_statement", "lambda_expression")
    return declares and node.parent.named_children[0] == node


def locals_of(node):
    """What a loop or a lambda around a node names."""
    while node is not None:
        if node.type in ("for_statement", "lambda_expression"):
            yield text(node.named_children[0])
        node = node.parent


def wrong_in(path, root):
    names = declared(root)
    known = {name for kind in ("parameter", "variable", "resource", "module") for name in names[kind]}
    used = set()
    for node in below(root):
        line = node.start_point[0] + 1
        if node.type == "ERROR" or node.is_missing:
            yield line, f"no Bicep: {text(node)[:40]!r}"
        if node.type != "identifier" or is_name_of_property(node) or is_declared_name(node):
            continue
        used.add(text(node))
        is_call = node.parent.type == "call_expression" and node.parent.named_children[0] == node
        if text(node) not in (FUNCTIONS if is_call else known | set(locals_of(node))):
            yield line, f"nothing is named {text(node)}"
    for kind in ("parameter", "variable", "module"):
        for name in names[kind].keys() - used:
            # A module may be there for what it makes.
            if kind != "module":
                yield names[kind][name].start_point[0] + 1, f"{name} is not used"
    for name, node in names["module"].items():
        yield from wrong_with_module(path, root, name, node)


def wrong_with_module(path, root, name, node):
    line = node.start_point[0] + 1
    target = path.parent / text(node.named_children[1]).strip("'")
    if not target.exists():
        yield line, f"there is no {target.name}"
        return
    theirs = declared(PARSER.parse(target.read_bytes()).root_node)
    body = next(child for child in node.named_children if child.type == "object")
    given = keys(keys(body)["params"].named_children[1]).keys()
    asked = theirs["parameter"]
    required = {each for each, at in asked.items() if not any(child.type == "=" for child in at.children)}
    for each in sorted(given - asked.keys()):
        yield line, f"{target.name} has no parameter {each}"
    for each in sorted(required - given):
        yield line, f"{target.name} asks for {each}"
    for each in re.findall(rf"\b{name}\.outputs\.(\w+)", text(root)):
        if each not in theirs["output"]:
            yield line, f"{target.name} gives no {each}"


def wrong_with_values(path):
    """The grammar has no .bicepparam files, which are lines here."""
    template = path.with_suffix(".bicep")
    asked = declared(PARSER.parse(template.read_bytes()).root_node)["parameter"]
    for line, content in enumerate(path.read_text().splitlines(), 1):
        given = re.match(r"param (\w+) = .", content)
        if given is None and not re.match(rf"(//|$|using '{template.name}'$)", content):
            yield line, f"not understood: {content[:40]!r}"
        if given is not None and given[1] not in asked:
            yield line, f"{template.name} has no parameter {given[1]}"


folder = Path(sys.argv[1])
for path in sorted(folder.rglob("*.bicep")):
    for line, finding in wrong_in(path, PARSER.parse(path.read_bytes()).root_node):
        print(f"{path.relative_to(folder)}:{line}: {finding}")
for path in sorted(folder.rglob("*.bicepparam")):
    for line, finding in wrong_with_values(path):
        print(f"{path.relative_to(folder)}:{line}: {finding}")

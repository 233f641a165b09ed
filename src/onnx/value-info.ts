import type { Field, ProtobufReader } from './protobuf.ts';

/** An input or output as an ONNX file declares it. */
export interface ValueInfo {
  name: string;
  type: 'tensor' | 'sequence' | 'map' | 'optional' | 'sparse tensor' | 'value without a type';
  elementType: number;
  /** `null` for a dynamic dimension; undefined when not even the rank is known. */
  shape: (number | null)[] | undefined;
}

/** What TypeProto says by the number of its field. */
const TYPES: ReadonlyMap<number, ValueInfo['type']> = new Map([
  [1, 'tensor'],
  [4, 'sequence'],
  [5, 'map'],
  [8, 'sparse tensor'],
  [9, 'optional'],
]);

/** ValueInfoProto. */
export async function readValueInfo(reader: ProtobufReader, message: Field): Promise<ValueInfo> {
  const info: ValueInfo = { name: '', type: 'value without a type', elementType: 0, shape: undefined };
  await reader.message(message, async (field) => {
    if (field.number === 1) info.name = await reader.text(field);
    if (field.number === 2) await readType(reader, field, info);
  });
  return info;
}

/** TypeProto, and TypeProto.Tensor within. */
async function readType(reader: ProtobufReader, message: Field, info: ValueInfo): Promise<void> {
  await reader.message(message, async (type) => {
    info.type = TYPES.get(type.number) ?? info.type;
    if (type.number !== 1) return;
    await reader.message(type, async (field) => {
      if (field.number === 1) info.elementType = reader.integer(field);
      if (field.number === 2) info.shape = await readShape(reader, field);
    });
  });
}

/** TensorShapeProto; some exporters write -1 for a dynamic dimension. */
async function readShape(reader: ProtobufReader, message: Field): Promise<(number | null)[]> {
  const shape: (number | null)[] = [];
  await reader.message(message, async (field) => {
    if (field.number !== 1) return;
    let size: number | null = null;
    await reader.message(field, (part) => {
      if (part.number === 1) size = reader.integer(part);
    });
    shape.push(size !== null && size >= 0 ? size : null);
  });
  return shape;
}

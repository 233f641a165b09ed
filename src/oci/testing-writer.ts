// For tests, run as a process of its own: `hold LOCK` holds a lock until it is killed; `tag FOLDER NAME COUNT` writes
// COUNT artifacts with the tags NAME-0, NAME-1, ... into a layout.
import { writeArtifact } from './artifact.ts';
import { withLock } from './folder-lock.ts';
import { openLayoutRepository } from './layout.ts';

const [verb, place = '', name = '', count = '0'] = process.argv.slice(2);
if (verb === 'hold') {
  await withLock(place, 10_000, async () => {
    process.stdout.write('held\n');
    await new Promise((done) => setTimeout(done, 60_000));
  });
} else {
  const repository = openLayoutRepository(place);
  for (let index = 0; index < Number(count); index += 1) {
    const bytes = new TextEncoder().encode(`${name} ${index}`);
    await writeArtifact(repository, {
      artifactType: 'application/vnd.test',
      mediaType: 'text/plain',
      bytes,
      tag: `${name}-${index}`,
    });
  }
}

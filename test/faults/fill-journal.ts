import { openJournal } from '../../edge-agent/controller/journal.ts';

/*
 * Writes 1000 document records into a state folder's journal as the agent does, up to its compaction: an agent that
 * polls would take minutes for them.
 */
const fail = () => {
  throw new Error('the journal is not as it should be');
};
const journal = openJournal(process.argv[2] ?? '', {
  now: () => new Date(),
  onDamage: fail,
  onNotCompacted: fail,
});
for (let sequence = 3; sequence < 1003; sequence += 1) {
  journal.append({
    type: 'document',
    at: new Date().toISOString(),
    model: 'line',
    channel: 'production',
    sequence,
    digest: `sha256:${'0'.repeat(64)}`,
    attestation: 'missing',
  });
}
journal.close();

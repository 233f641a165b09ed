import { z } from 'zod';
import type { Place } from './endpoint.ts';
import { parsePage, readPages } from './pages.ts';
import { refuseHtml, registryError } from './registry-errors.ts';
import { isFallbackTag } from './referrers-fallback.ts';

const tagsSchema = z.object({ tags: z.array(z.string()).nullish() });

/** All tags, sorted, but for the fallback tags of referrers; none when the repository does not exist yet. */
export async function readTags(place: Place): Promise<string[]> {
  const what = `listing the tags of ${place.name}`;
  const pages = await readPages(place, place.url('tags/list?n=1000'), what, (answer) => {
    if (answer.status === 404) return false;
    if (answer.status !== 200) throw registryError(answer, what);
    refuseHtml(answer, what);
    return true;
  });
  const tags = (pages ?? []).flatMap((page) => parsePage(tagsSchema, page, what).tags ?? []);
  return [...new Set(tags)].filter((tag) => !isFallbackTag(tag)).toSorted();
}

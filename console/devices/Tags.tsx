import { hrefOf } from '../route.ts';
import { useConsoleText } from '../text.ts';

/** The tags of a device; each leads to the devices that have it. */
export function Tags({ tags }: { tags: readonly string[] }) {
  const t = useConsoleText();
  if (tags.length === 0) return null;
  return (
    <ul className="tags" aria-label={t('devices.tagsOf')}>
      {tags.map((tag) => (
        <li key={tag}>
          <a
            className="tag"
            href={hrefOf({ name: 'devices' }, { tag })}
            aria-label={t('devices.onlyTag', { tag })}
            title={t('devices.onlyTag', { tag })}
          >
            <bdi>{tag}</bdi>
          </a>
        </li>
      ))}
    </ul>
  );
}

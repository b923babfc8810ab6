import { useCallback, useState } from 'react';
import type { Person } from '../../contract/administration.ts';
import type { Role } from '../../contract/settings.ts';
import { Badge } from '../../ui/Badge.tsx';
import { Button } from '../../ui/Button.tsx';
import type { PersonChange } from '../api/client.ts';
import { mayAdminister, useConsole } from '../Console.tsx';
import { FilterBar, SearchField } from '../filters.tsx';
import { LastTime, PagedList, Table, useAction, usePaged } from '../lists.tsx';
import { hrefOf, useQuery } from '../route.ts';
import { useConsoleText } from '../text.ts';
import { ProblemNotice, View } from '../View.tsx';
import { LeaveDialog } from './LeaveDialog.tsx';

const ROLES: readonly Role[] = ['owner', 'approver', 'auditor'];
const nameOf = (person: Person): string => person.displayName ?? person.email;

export function People() {
  const t = useConsoleText();
  const { api, session, announce } = useConsole();
  const [query, ask] = useQuery();
  const { search } = query;
  const list = usePaged(
    useCallback(
      async (cursor: string | null) => {
        const { people, next } = await api.people(search, cursor);
        return { items: people, next };
      },
      [api, search],
    ),
  );
  const action = useAction();
  const [leaving, setLeaving] = useState<Person | null>(null);
  const [asked, setAsked] = useState<{ id: string; role: Role | null } | null>(null);
  const change = (person: Person, fields: PersonChange): void =>
    action.run(async () => {
      const { devices, policy } = await api.changePerson(person.id, fields);
      await list.reload();
      const name = nameOf(person);
      announce(policy ? t('people.devicesHandled', { name, count: devices }) : t('people.changed', { name }));
    });
  // The choice stands while it is saved: a select that jumped back for a moment would look refused.
  const shownRole = (person: Person): Role | null =>
    action.busy && asked?.id === person.id ? asked.role : person.role;
  return (
    <View title={t('people.title')} text={t('people.text')}>
      <FilterBar>
        <SearchField
          label={t('devices.search')}
          placeholder={t('people.searchPlaceholder')}
          value={search}
          change={(next) => ask({ search: next })}
        />
      </FilterBar>
      {action.problem && <ProblemNotice problem={action.problem} dismiss={action.dismiss} />}
      <PagedList list={list} empty={search ? t('people.nobody') : t('people.empty')}>
        {(people) => (
          <Table
            label={t('people.title')}
            columns={[
              t('people.column.person'),
              t('people.column.role'),
              t('people.column.devices'),
              t('people.column.lastSignIn'),
              t('list.column.state'),
              t('list.column.actions'),
            ]}
          >
            {people.map((person) => (
              <tr key={person.id}>
                <th scope="row">
                  <div className="owner">
                    <bdi>{nameOf(person)}</bdi>
                    {person.displayName && (
                      <span className="soft">
                        <bdi>{person.email}</bdi>
                      </span>
                    )}
                  </div>
                </th>
                <td>
                  <RoleChoice
                    name={nameOf(person)}
                    role={shownRole(person)}
                    disabled={!mayAdminister(session) || action.busy || !person.active}
                    change={(role) => {
                      setAsked({ id: person.id, role });
                      change(person, { role });
                    }}
                  />
                </td>
                <td>
                  {person.devices > 0 ? (
                    <a
                      href={hrefOf({ name: 'devices' }, { owner: person.email })}
                      aria-label={t('people.devicesOf', { name: nameOf(person), count: person.devices })}
                    >
                      {person.devices}
                    </a>
                  ) : (
                    0
                  )}
                </td>
                <td className="nowrap">
                  <LastTime at={person.lastSignInAt} />
                </td>
                <td>
                  <Badge tone={person.active ? 'good' : 'neutral'} icon={person.active ? 'check' : 'leave'}>
                    {t(person.active ? 'people.active' : 'people.left')}
                  </Badge>
                </td>
                <td>
                  {mayAdminister(session) && person.id !== session.user.id && (
                    <Button
                      aria-label={t(person.active ? 'people.leaveOf' : 'people.comeBackOf', { name: nameOf(person) })}
                      onClick={() => (person.active ? setLeaving(person) : change(person, { active: true }))}
                    >
                      {t(person.active ? 'people.leave' : 'people.comeBack')}
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </PagedList>
      {leaving && (
        <LeaveDialog
          person={leaving}
          close={() => setLeaving(null)}
          leave={() => {
            setLeaving(null);
            change(leaving, { active: false });
          }}
        />
      )}
    </View>
  );
}

function RoleChoice(props: {
  name: string;
  role: Role | null;
  disabled: boolean;
  change: (role: Role | null) => void;
}) {
  const t = useConsoleText();
  return (
    <select
      className="input row-select"
      aria-label={t('people.roleOf', { name: props.name })}
      value={props.role ?? ''}
      disabled={props.disabled}
      onChange={(event) => props.change(ROLES.find((role) => role === event.target.value) ?? null)}
    >
      <option value="">{t('people.noRole')}</option>
      {ROLES.map((role) => (
        <option key={role} value={role}>
          {t(`role.${role}`)}
        </option>
      ))}
    </select>
  );
}

/** All tasks, to search. */

import type { JSX } from "preact";
import { config } from "../api/config.ts";
import { get, segment } from "../api/http.ts";
import type { TaskInfo } from "../api/schema.d.ts";
import { Loaded, Tags, To, useParameter } from "../parts/basics.tsx";
import { useLive } from "../parts/live.ts";

export function Tasks(): JSX.Element {
  const live = useLive("tasks", () => get<TaskInfo[]>(config.tasks));
  const [search, setSearch] = useParameter("q");
  const [tag, setTag] = useParameter("tag");
  return (
    <>
      <h1>Tasks</h1>
      <Loaded live={live}>
        {(tasks) => {
          const tags = [...new Set(tasks.flatMap((task) => task.tags))].sort();
          const words = search.toLowerCase().split(/\s+/).filter(Boolean);
          const found = tasks.filter((task) => {
            const text = `${task.name} ${task.docstring ?? ""} ${task.tags.join(" ")}`.toLowerCase();
            return words.every((word) => text.includes(word)) && (tag === "" || task.tags.includes(tag));
          });
          return (
            <>
              <div class="filters">
                <input
                  type="search"
                  aria-label="Search tasks"
                  placeholder="Search"
                  value={search}
                  onInput={(event) => setSearch(event.currentTarget.value)}
                />
                <select aria-label="Tag" value={tag} onChange={(event) => setTag(event.currentTarget.value)}>
                  <option value="">All tags</option>
                  {tags.map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
                <span class="quiet" role="status">
                  {found.length} of {tasks.length}
                </span>
              </div>
              {found.length === 0 ? (
                <p class="empty">{tasks.length === 0 ? "No task is registered, or your key reaches none." : "No task fits the search."}</p>
              ) : (
                <ul class="cards">
                  {found.map((task) => (
                    <li key={task.name} class="card">
                      <To path={`/tasks/${segment(task.name)}`} class="title">
                        {task.name}
                      </To>
                      <p>{task.docstring?.split("\n\n")[0]}</p>
                      <Tags tags={task.tags} />
                    </li>
                  ))}
                </ul>
              )}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

/** An artifact: its id, picked from those that are stored, or of a file that is uploaded. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { config } from "../api/config.ts";
import { get, messageOf, query } from "../api/http.ts";
import type { ArtifactOut } from "../api/schema.d.ts";
import { upload } from "../api/upload.ts";

/** How many of the newest artifacts are offered. */
const OFFERED = 50;

const nameOf = (artifact: ArtifactOut): string => artifact.file_name ?? artifact.id;

export function ArtifactPicker({ label, value, pick }: { label: string; value: string; pick: (id: string) => void }): JSX.Element | null {
  const [stored, setStored] = useState<readonly ArtifactOut[]>([]);
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (config.artifacts === null) return;
    // A key that may not list them can enter an id nevertheless.
    const read = get<{ items: ArtifactOut[] }>(`${config.artifacts}${query({ page: 1, size: OFFERED })}`);
    read.then((page) => setStored(page.items)).catch(() => {});
  }, []);
  if (config.artifacts === null) return null;
  const send = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    setSaid(`Uploading ${file.name}…`);
    try {
      const saved = await upload(file);
      setStored((before) => [saved, ...before]);
      setSaid(`${file.name} is stored.`);
      pick(saved.id);
    } catch (error) {
      setSaid(messageOf(error));
    }
  };
  return (
    <>
      {stored.length > 0 && (
        <select class="picker" aria-label={`${label}: pick an artifact`} value={stored.some((one) => one.id === value) ? value : ""} onChange={(event) => pick(event.currentTarget.value)}>
          <option value="">Pick…</option>
          {stored.map((one) => (
            <option key={one.id} value={one.id}>
              {nameOf(one)}
            </option>
          ))}
        </select>
      )}
      {!config.read_only && (
        <label class="button">
          Upload
          <input
            type="file"
            class="hidden"
            aria-label={`${label}: upload a file`}
            onChange={(event) => {
              const field = event.currentTarget;
              // So that the same file can be chosen again.
              void send(field.files?.[0]).finally(() => (field.value = ""));
            }}
          />
        </label>
      )}
      <span role="status" class="quiet">
        {said}
      </span>
    </>
  );
}

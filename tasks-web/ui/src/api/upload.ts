/** Files that are stored as artifacts. */

import { parse } from "../json/parse.ts";
import { config } from "./config.ts";
import { Refused, plain, problemOf, query } from "./http.ts";
import type { ArtifactOut } from "./schema.d.ts";

/** Sends a file as it is. */
export async function upload(file: File): Promise<ArtifactOut> {
  const response = await fetch(`${config.prefix}${config.artifacts}/$upload${query({ file_name: file.name })}`, {
    method: "POST",
    headers: { "content-type": file.type === "" ? "application/octet-stream" : file.type },
    body: file,
    credentials: "same-origin",
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Refused(problemOf(response, config.artifacts ?? "", text));
  }
  return plain(parse(text)) as ArtifactOut;
}

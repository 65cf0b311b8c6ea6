/** What the service says of what is entered, before it is sent to be run. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Refused, request } from "../api/http.ts";
import type { Json } from "../json/value.ts";
import type { FormError } from "./draft.ts";

/** How long nothing may change before the service is asked, in milliseconds. */
const QUIET = 300;

/** Where `params` is in the body that is sent. */
const PARAMS = "/params";

const isOfParams = (pointer: string): boolean => pointer === PARAMS || pointer.startsWith(`${PARAMS}/`);

/** The errors that a refusal has, with pointers into `params`. */
export function errorsOf(error: unknown): FormError[] | undefined {
  if (!(error instanceof Refused) || error.problem.status !== 422) return undefined;
  return error.problem.errors?.map(({ pointer, detail }) => ({
    pointer: isOfParams(pointer) ? pointer.slice(PARAMS.length) : "",
    // An option of a job has no field of its own.
    detail: isOfParams(pointer) ? detail : `${pointer.slice(1)}: ${detail}`,
  }));
}

/** Asks the service about `params` each time that a person has paused; `undefined` is not asked about. */
export function useVerdict(path: string, params: Json | undefined, text: string): readonly FormError[] {
  const [errors, setErrors] = useState<readonly FormError[]>([]);
  const turn = useRef(0);
  const latest = useRef(params);
  latest.current = params;
  useEffect(() => {
    const mine = ++turn.current;
    const timer = window.setTimeout(async () => {
      if (latest.current === undefined) return setErrors([]);
      let found: FormError[] = [];
      try {
        await request("POST", path, new Map([["params", latest.current]]));
      } catch (error) {
        // Without an answer there is no verdict; what is sent is checked again anyway.
        found = errorsOf(error) ?? [];
      }
      if (mine === turn.current) setErrors(found);
    }, QUIET);
    return () => window.clearTimeout(timer);
  }, [path, text, params === undefined]);
  return errors;
}

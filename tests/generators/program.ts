// A program over the types that are generated of the documents: that it compiles is the test.
import type { components, paths } from "./task_execution";
import type { paths as paths30 } from "./task_execution_3_0";

type Add = paths["/api/v1/tasks/add/$execute"]["post"];
type Add30 = paths30["/api/v1/tasks/add/$execute"]["post"];

export const body: Add["requestBody"]["content"]["application/json"] = { params: { a: 1, b: 2 } };
export const older: Add30["requestBody"]["content"]["application/json"] = body;

// @ts-expect-error `b` is missing
export const missing: typeof body = { params: { a: 1 } };
// @ts-expect-error `b` is a number
export const wrong: typeof body = { params: { a: 1, b: "2" } };

export function result(answer: Add["responses"][200]["content"]["application/json"]): number | string {
  if (answer.error) {
    return answer.error.message;
  }
  return answer.result?.result ?? 0;
}

export function refused(problem: components["schemas"]["Problem"]): string[] {
  return (problem.errors ?? []).map((error) => `${error.pointer}: ${error.detail}`);
}

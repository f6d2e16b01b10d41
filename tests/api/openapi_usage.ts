// What somebody writes who has generated types from the OpenAPI document. Where a type is not
// told, everything would be allowed; `@ts-expect-error` is an error where nothing is wrong.

import type { components, operations, paths } from "./schema";

type Schemas = components["schemas"];
type Query<Name extends keyof operations> = NonNullable<operations[Name]["parameters"]["query"]>;
type Problem = operations["classify"]["responses"]["4XX"]["content"]["application/problem+json"];

export const classes: Query<"classify"> = { model: ["a", "b"], top_k: 3, crops: 10 };
export const cutout: Query<"segment"> = { render: "cutout", mask: "none" };
export const noise: Query<"start_style"> = { method: "optimize", init: "noise" };
export const nothing: Query<"detect"> = {};

// @ts-expect-error  there is no such number of crops
export const crops: Query<"classify"> = { crops: 3 };
// @ts-expect-error  there is no such picture
export const sketch: Query<"segment"> = { render: "sketch" };
// @ts-expect-error  there is no such start
export const start: Query<"start_style"> = { init: "style" };
// @ts-expect-error  there is no such option
export const option: Query<"detect"> = { threshold: 0.5 };

export function label(answer: Schemas["DetectAnswer"]): string {
  // @ts-expect-error  boxes have corners
  const width: number | undefined = answer.detections[0]?.box.width;
  return `${answer.detections[0]?.label} ${width} ${answer.image.width}`;
}

export function corners(mask: NonNullable<Schemas["SegmentedClass"]["mask"]>): number {
  return "counts" in mask ? mask.size[0] : (mask[0]?.[0]?.[0]?.[0] ?? 0);
}

export function verdict(answer: Schemas["VerifyAnswer"]): string {
  const known: boolean | null = answer.verified;
  // @ts-expect-error  it may be null: a face may be too small to judge
  const certain: boolean = answer.verified;
  return `${known} ${certain}`;
}

export function why(problem: Problem): string {
  const { code, detail, request_id: request }: Record<"code" | "detail" | "request_id", string> =
    problem;
  return `${code}: ${detail} (${request})`;
}

export function end(event: Schemas["JobEvent"]): boolean {
  // @ts-expect-error  jobs end in three ways, and this is none of them
  return event.status === "succeeded" || event.status === "done";
}

type Picture = operations["get_style_result"]["responses"][200]["content"]["image/webp"];
type Event = operations["watch_style"]["responses"][200]["content"]["text/event-stream"];
// @ts-expect-error  a picture is bytes, which the generator calls a string
export const picture: Picture = 1;
export const event: Event = { status: "running", progress: 0.5, step: 1, steps: 2, costs: [] };
export const upload: paths["/verify"]["post"]["requestBody"]["content"]["multipart/form-data"] = {
  image1: "bytes",
  image2: "bytes",
};

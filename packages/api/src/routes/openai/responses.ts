/** POST /v1/responses. Nothing is kept: each request brings all that its answer needs. */
import type { AppContext } from "../../app_options.ts";
import type { ChatRequest } from "../../chat/chat_request.ts";
import { runChat } from "../../chat/run_chat.ts";
import { jsonRoute } from "../../json_route.ts";
import { leaseModel, metered } from "../../lease_model.ts";
import { responses } from "../../openapi.ts";
import type { ApiApp, ApiContext } from "../../request_record.ts";
import { type ResponseRequest, responseRequest, responseSchema } from "../../schema/response.ts";
import { sseForm, sseFrame } from "../../sse.ts";
import { streamedResponse, wholeResponse } from "../../streamed_response.ts";
import { aliasOf } from "./model_alias.ts";
import { ResponseBuilder, type ResponseStreamEvent } from "./response_answer.ts";
import { RESPONSE_PARAMS, responseChatRequest } from "./response_request.ts";

const NOT_STORED = "responses are not stored here";

export function responsesRoute(app: ApiApp, context: AppContext): void {
  const route = {
    paths: ["/v1/responses"],
    summary: "Answers input items with output items",
    body: responseRequest,
    responses: responses(responseSchema, "The response", "text/event-stream"),
    refused: {
      store: ["invalid", `store cannot be true: ${NOT_STORED}`] as const,
      background: ["invalid", `background cannot be true: ${NOT_STORED}`] as const,
      previous_response_id: [
        "invalid",
        `previous_response_id names nothing: ${NOT_STORED}, send the earlier items as input`,
      ] as const,
      conversation: [
        "invalid",
        `conversation names nothing: ${NOT_STORED}, send the earlier items as input`,
      ] as const,
      prompt: ["invalid", "prompt names nothing: templates are not stored here"] as const,
    },
  };
  jsonRoute(app, context, route, async (c, body) => {
    const record = c.get("record");
    record.paramNames = RESPONSE_PARAMS;
    record.prompt = { instructions: body.instructions, input: body.input };
    const alias = aliasOf(context.engine, body.model);
    const request = { think: alias.think, ...responseChatRequest(body, context.options) };
    if (body.stream) return await streamed(context, c, alias.model, body, request);
    const lease = await leaseModel(context, c, alias.model);
    return await wholeResponse(c, lease, async () => {
      const builder = new ResponseBuilder(lease, body);
      for await (const event of metered(record, runChat(lease.model, request, record.signal))) {
        builder.push(event);
      }
      return builder.response;
    }, context.options);
  });
}

function streamed(
  context: AppContext,
  c: ApiContext,
  model: string | undefined,
  body: ResponseRequest,
  request: ChatRequest,
): Promise<Response> {
  const record = c.get("record");
  let builder: ResponseBuilder | undefined;
  const frames = async function* (): AsyncGenerator<string, void> {
    using lease = await leaseModel(context, c, model);
    for await (const event of metered(record, runChat(lease.model, request, record.signal))) {
      if (!builder) {
        builder = new ResponseBuilder(lease, body);
        yield* builder.begin().map(frameOf);
      }
      yield* builder.push(event).map(frameOf);
    }
  };
  const form = sseForm(record.id);
  return streamedResponse(c, frames(), {
    ...form,
    error: (failure) => builder ? frameOf(builder.fail(failure)) : form.error(failure),
  }, context.options);
}

function frameOf(event: ResponseStreamEvent): string {
  return sseFrame(event, event.type);
}

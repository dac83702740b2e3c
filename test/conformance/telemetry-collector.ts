/** A collector for tests: takes OTLP over HTTP in JSON and keeps what it was sent. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** Of a span as OTLP/JSON writes it, what tests look at. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

type Attributes = readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];

interface TracesRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<CollectedSpan, 'attributes' | 'resource'> & {
        readonly attributes: Attributes;
      })[];
    }[];
  }[];
}

interface MetricsRequest {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[];
  }[];
}

export class Collector {
  readonly spans: CollectedSpan[] = [];
  readonly metrics = new Set<string>();
  /** Paths that were asked for. */
  readonly paths = new Set<string>();
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const raw = Buffer.concat(chunks);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      this.paths.add(request.url ?? '');
      this.#keep(JSON.parse(body.toString()));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  }

  static async start(): Promise<Collector> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Collector(server);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(request: TracesRequest | MetricsRequest): void {
    if ('resourceSpans' in request) {
      for (const { resource, scopeSpans } of request.resourceSpans) {
        for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
          this.spans.push({
            ...span,
            attributes: plain(span.attributes),
            resource: plain(resource.attributes),
          });
        }
      }
      return;
    }
    for (const { scopeMetrics } of request.resourceMetrics) {
      for (const { name } of scopeMetrics.flatMap(({ metrics }) => metrics)) this.metrics.add(name);
    }
  }
}

function plain(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

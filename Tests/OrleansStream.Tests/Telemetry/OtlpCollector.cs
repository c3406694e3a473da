using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Telemetry;

/// <summary>A collector in this process that takes OTLP, as http/protobuf or by gRPC, and keeps what comes.</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private const int GrpcHeadBytes = 5;

    private readonly WebApplication _server;

    private OtlpCollector(WebApplication server) => _server = server;

    /// <summary>The spans that came.</summary>
    public ConcurrentQueue<OtlpSpan> Spans { get; } = [];

    /// <summary>The names of the metrics that came.</summary>
    public ConcurrentDictionary<string, bool> Metrics { get; } = [];

    /// <summary>The texts of the log records that came.</summary>
    public ConcurrentQueue<string> Logs { get; } = [];

    /// <summary>The names of the services that sent.</summary>
    public ConcurrentDictionary<string, bool> Services { get; } = [];

    /// <summary>Which process sent which metric: the name of the service, the id of the process, the name of the metric.</summary>
    public ConcurrentDictionary<(string Service, string Instance, string Metric), bool> Senders { get; } = [];

    /// <summary>Where it listens.</summary>
    public string Address => _server.Urls.First();

    /// <summary>Starts it.</summary>
    /// <param name="isGrpc">True to speak gRPC alone, over HTTP/2 in clear text.</param>
    public static async Task<OtlpCollector> StartAsync(bool isGrpc = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(ApiFixture.AnyPort);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(
            endpoint => endpoint.Protocols = isGrpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        var collector = new OtlpCollector(builder.Build());
        collector._server.MapPost("/v1/{signal}", (RequestDelegate)collector.TakeHttpAsync);
        // https://opentelemetry.io/docs/specs/otlp/#otlpgrpc
        foreach (var (service, signal) in new[] { ("trace.v1.Trace", "traces"), ("metrics.v1.Metrics", "metrics"), ("logs.v1.Logs", "logs") })
            collector._server.MapPost($"/opentelemetry.proto.collector.{service}Service/Export", context => collector.TakeGrpcAsync(context, signal));
        await collector._server.StartAsync();
        return collector;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task TakeHttpAsync(HttpContext context)
    {
        Assert.Equal("application/x-protobuf", context.Request.ContentType);
        Take((string)context.Request.RouteValues["signal"]!, await ReadAsync(context));
    }

    // A message has a byte for its compression and four for its length before it:
    // https://grpc.github.io/grpc/core/md_doc__p_r_o_t_o_c_o_l-_h_t_t_p2.html
    private async Task TakeGrpcAsync(HttpContext context, string signal)
    {
        Assert.Equal("application/grpc", context.Request.ContentType);
        var body = await ReadAsync(context);
        Assert.Equal((0, body.Length - GrpcHeadBytes), (body[0], BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1))));
        Take(signal, body[GrpcHeadBytes..]);
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(new byte[GrpcHeadBytes]);
        context.Response.AppendTrailer("grpc-status", "0");
    }

    private static async Task<byte[]> ReadAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        return body.ToArray();
    }

    // Resource…, Scope…, and the thing itself, in each of the three: the numbers are those of opentelemetry-proto 1.
    private void Take(string signal, byte[] message)
    {
        foreach (var resource in new ProtoMessage(message).Messages(1))
        {
            var sender = resource.Messages(1).SelectMany(one => one.Messages(1)).ToDictionary(one => one.Text(1)!, one => one.Messages(2).First().Text(1) ?? "");
            var (service, instance) = (sender["service.name"], sender["service.instance.id"]);
            Services[service] = true;
            foreach (var one in resource.Messages(2).SelectMany(scope => scope.Messages(2)))
                Take(signal, one, service, instance);
        }
    }

    private void Take(string signal, ProtoMessage one, string service, string instance)
    {
        if (signal == "traces")
        {
            Spans.Enqueue(new OtlpSpan(
                service, one.Hex(1), one.Hex(2), one.Hex(4), one.Text(5)!,
                one.Messages(9).ToDictionary(tag => tag.Text(1)!, tag => tag.Messages(2).First().Text(1) ?? ""), [.. one.Messages(13).Select(link => link.Hex(1))]));
        }
        else if (signal == "metrics")
        {
            Metrics[one.Text(1)!] = true;
            Senders[(service, instance, one.Text(1)!)] = true;
        }
        else
        {
            Logs.Enqueue(one.Messages(5).FirstOrDefault()?.Text(1) ?? "");
        }
    }
}

/// <summary>A span.</summary>
/// <param name="Service">The service that sent it.</param>
/// <param name="TraceId">Its trace, as hexadecimal digits.</param>
/// <param name="Id">Its id.</param>
/// <param name="ParentId">The span in which it ran; empty for none.</param>
/// <param name="Name">Its name.</param>
/// <param name="Tags">Its attributes that are texts.</param>
/// <param name="Links">The traces that it is linked to.</param>
internal sealed record OtlpSpan(
    string Service, string TraceId, string Id, string ParentId, string Name, IReadOnlyDictionary<string, string> Tags, IReadOnlyList<string> Links);

/// <summary>A message of protobuf, without its schema (https://protobuf.dev/programming-guides/encoding/).</summary>
internal sealed class ProtoMessage
{
    private readonly List<(int Field, byte[] Bytes)> _fields = [];

    /// <summary>Reads the fields that have a length; the others are skipped.</summary>
    public ProtoMessage(byte[] bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var tag = Varint(bytes, ref at);
            switch (tag & 7)
            {
                case 0:
                    Varint(bytes, ref at);
                    break;
                case 1:
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint(bytes, ref at);
                    _fields.Add(((int)(tag >> 3), bytes[at..(at + length)]));
                    at += length;
                    break;
                default:
                    at += 4;
                    break;
            }
        }
    }

    /// <summary>The messages in a field.</summary>
    public IEnumerable<ProtoMessage> Messages(int field) => Values(field).Select(bytes => new ProtoMessage(bytes));

    /// <summary>The text in a field; null for none.</summary>
    public string? Text(int field) => Values(field).Select(Encoding.UTF8.GetString).FirstOrDefault();

    /// <summary>The bytes in a field, as hexadecimal digits.</summary>
    public string Hex(int field) => Convert.ToHexStringLower(Values(field).FirstOrDefault() ?? []);

    private IEnumerable<byte[]> Values(int field) => _fields.Where(one => one.Field == field).Select(one => one.Bytes);

    private static ulong Varint(byte[] bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
    }
}

using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Telemetry;

/// <summary>A collector in this process that takes OTLP as http/protobuf, and keeps what comes.</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
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

    /// <summary>Where it listens.</summary>
    public string Address => _server.Urls.First();

    /// <summary>Starts it.</summary>
    public static async Task<OtlpCollector> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(ApiFixture.AnyPort);
        var collector = new OtlpCollector(builder.Build());
        collector._server.MapPost("/v1/{signal}", (RequestDelegate)collector.TakeAsync);
        await collector._server.StartAsync();
        return collector;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        Assert.Equal("application/x-protobuf", context.Request.ContentType);
        // Resource…, Scope…, and the thing itself, in each of the three: the numbers are those of opentelemetry-proto 1.
        foreach (var resource in new ProtoMessage(body.ToArray()).Messages(1))
        {
            foreach (var attribute in resource.Messages(1).SelectMany(one => one.Messages(1)).Where(one => one.Text(1) == "service.name"))
                Services[attribute.Messages(2).First().Text(1)!] = true;
            foreach (var one in resource.Messages(2).SelectMany(scope => scope.Messages(2)))
                Take(context.Request.RouteValues["signal"] as string, one);
        }
    }

    private void Take(string? signal, ProtoMessage one)
    {
        if (signal == "traces")
        {
            Spans.Enqueue(new OtlpSpan(
                one.Hex(1), one.Hex(2), one.Hex(4), one.Text(5)!,
                one.Messages(9).ToDictionary(tag => tag.Text(1)!, tag => tag.Messages(2).First().Text(1) ?? ""), [.. one.Messages(13).Select(link => link.Hex(1))]));
        }
        else if (signal == "metrics")
        {
            Metrics[one.Text(1)!] = true;
        }
        else
        {
            Logs.Enqueue(one.Messages(5).FirstOrDefault()?.Text(1) ?? "");
        }
    }
}

/// <summary>A span.</summary>
/// <param name="TraceId">Its trace, as hexadecimal digits.</param>
/// <param name="Id">Its id.</param>
/// <param name="ParentId">The span in which it ran; empty for none.</param>
/// <param name="Name">Its name.</param>
/// <param name="Tags">Its attributes that are texts.</param>
/// <param name="Links">The traces that it is linked to.</param>
internal sealed record OtlpSpan(
    string TraceId, string Id, string ParentId, string Name, IReadOnlyDictionary<string, string> Tags, IReadOnlyList<string> Links);

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

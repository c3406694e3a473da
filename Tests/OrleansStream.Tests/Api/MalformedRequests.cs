using System.Text;
using OrleansStream.Tests.Api.Bodies;

namespace OrleansStream.Tests.Api;

/// <summary>One malformed request.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">The path; <c>{t}</c> stands for an existing topic of two partitions.</param>
/// <param name="Body">The body, or null.</param>
/// <param name="Type">Its content type, or null for none.</param>
/// <param name="Field">What the problem's <c>field</c> must be; null when none is asked for.</param>
/// <param name="Header">A header <c>name: value</c>, or null.</param>
internal sealed record MalformedRequest(
    string Method, string Path, byte[]? Body = null, string? Type = "application/json", string? Field = null, string? Header = null)
{
    public override string ToString() =>
        $"{Method} {Path} {Header} {Type} {(Body is null ? "" : Encoding.UTF8.GetString(Body.AsSpan(0, Math.Min(80, Body.Length))))}";
}

/// <summary>The table of malformed requests: types, sizes, encodings that lie, depth, UTF-8, numbers, names, methods.</summary>
internal static partial class MalformedRequests
{
    private const string Records = "/v1/topics/{t}/records";
    private const string Partition = "/v1/topics/{t}/partitions/0/records";
    private const string Ndjson = "application/x-ndjson";

    public static IReadOnlyList<MalformedRequest> All { get; } =
    [
        .. ProduceBodies(), .. RecordFields(), .. RawBodies(), .. Encodings(), .. Headers(), .. Lines(), .. Queries(), .. Topics(), .. Paths(),
        .. MalformedGroupRequests.All(),
    ];

    private static MalformedRequest Post(string body, string? field = null, string path = Records) => new("POST", path, Utf8(body), Field: field);

    private static MalformedRequest Record(string record, string? field) =>
        Post("{\"records\":[{\"value\":0}," + record + "]}", field is null ? null : $"records[1]{field}");

    private static IEnumerable<MalformedRequest> Encodings()
    {
        var plain = Utf8("""{"records":[{"value":1}]}""");
        foreach (var encoding in new[] { "gzip", "br", "deflate", "zstd" })
        {
            yield return new("POST", Records, [], Header: $"Content-Encoding: {encoding}", Field: "Content-Encoding");
            yield return new("POST", Records, plain, Header: $"Content-Encoding: {encoding}", Field: "Content-Encoding");
            yield return new("POST", Records, new byte[64], Header: $"Content-Encoding: {encoding}");
            yield return new("PUT", "/v1/topics/x", plain, Header: $"Content-Encoding: {encoding}", Field: "Content-Encoding");
        }

        foreach (var encoding in new[] { "compress", "gzip, br", "snappy", "utf-8" })
            yield return new("POST", Records, plain, Header: $"Content-Encoding: {encoding}");
        foreach (var type in new[] { "text/html", "application/xml", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "multipart/form-data; boundary=x", "json", "application/*", "application/jsonp" })
            yield return new("POST", Records, plain, type);
        foreach (var accept in new[] { "text/html", "application/xml", "image/png, text/css", "text/event-stream" })
            yield return new("POST", Records, plain, Header: $"Accept: {accept}");
    }

    private static IEnumerable<MalformedRequest> Headers()
    {
        var json = Utf8("""{"records":[{"value":1}]}""");
        var text = Utf8("hello");
        foreach (var header in new[] { "Producer-Id: 1", "Producer-Epoch: 0", "Producer-Sequence: 0", "Acks: all", "Record-Key: k", "Record-Value-Type: json", "Record-Header-A: b" })
            yield return new("POST", Records, json, Field: header[..header.IndexOf(':')], Header: header);
        foreach (var header in new[] { "Acks: 2", "Acks: ALL", "Record-Key-Type: text", "Record-Timestamp: now", "Record-Timestamp: -1", "Record-Timestamp: 2026-06-11", "Record-Value-Type: json" })
            yield return new("POST", Records, text, "text/plain", header[..header.IndexOf(':')], header);
        yield return new("POST", Records, json, Field: "If-Match", Header: "If-Match: \"0\"");
        foreach (var key in new[] { "a b", new string('k', 256) })
            yield return new("POST", Records, json, Field: "Idempotency-Key", Header: $"Idempotency-Key: {key}");
        foreach (var header in new[] { "Producer-Id: -1", "Producer-Id: x", "Producer-Epoch: 0", "Producer-Sequence: 0" })
            yield return new("POST", Partition, json, Field: header.StartsWith("Producer-Id", StringComparison.Ordinal) ? null : "Producer-Id", Header: header);
        foreach (var match in new[] { "0", "*", "\"\"", "\"a\"", "\"-1\"", "W/\"0\"", "\"0\", \"1\"", "\"99999999999999999999\"" })
            yield return new("POST", Partition, json, Field: "If-Match", Header: $"If-Match: {match}");
        foreach (var token in new[] { "x", "0", "0:", ":1", "0:1,", "0:-1", "0:1,0:2", "5000:1", "0:99999999999999999999", new string('1', 40_000)[..6000], "@", "0:1@", "0:1@7", "@6f9619ff8b86d011b42d00c04fc964ff", "0:1@6f9619ff-8b86-d011-b42d-00c04fc964ff", "0:1@6f9619ff8b86d011b42d00c04fc964ff@" })
            yield return new("GET", Records, Type: null, Field: "Last-Event-ID", Header: $"Last-Event-ID: {token}");
    }

    private static IEnumerable<MalformedRequest> Lines()
    {
        foreach (var lines in new[] { "", "\n\n", "1", "[]", "{", "{}\n", "{\"value\":1", "{\"value\":1} {\"value\":2}", "{\"valu\":1}", "nul", "{\"value\":\"\\ud800\"}" })
            yield return new("POST", Records, Utf8(lines), Ndjson);
        yield return new("POST", Records, [.. "{\"value\":\""u8, 0xFF, .. "\"}"u8], Ndjson);
        yield return new("POST", Records, Utf8("{\"value\":" + new string('[', 62) + new string(']', 62) + "}"), Ndjson);
        yield return new("POST", Records, new byte[9 * 1024 * 1024], Ndjson);
        yield return new("POST", Records, Utf8("{\"value\":1}"), Ndjson, Header: "Content-Encoding: gzip");
        yield return new("POST", Records, Utf8("{\"value\":1}"), Ndjson, "Record-Key", "Record-Key: k");
    }

    private static IEnumerable<MalformedRequest> Queries()
    {
        string[] fetches =
        [
            "offset=-1", "topic_id=", "topic_id=x", "topic_id=6f9619ff8b86d011b42d00c04fc964ff", "offset=x", "offset=", "offset=1.5", "offset=99999999999999999999", "offset=+1", "offset=%201", "from=begin", "from=", "from=Earliest",
            "timestamp=now", "timestamp=-5", "timestamp=2026-06-11", "timestamp=2026-06-11T19:20:00", "limit=0", "limit=-1", "limit=10001", "limit=x", "limit=",
            "max_bytes=0", "max_bytes=4194305", "max_bytes=x", "wait_ms=-1", "wait_ms=20001", "wait_ms=1s", "key_as=text", "value_as=xml", "value_as=JSON",
        ];
        foreach (var query in fetches)
            yield return new("GET", $"{Partition}?{query}", Type: null, Field: query[..query.IndexOf('=')]);
        foreach (var name in new[] { "ofset", "Offset", "max", "wait", "key", "x" })
            yield return new("GET", $"{Partition}?{name}=1", Type: null, Field: name);
        yield return new("GET", $"{Partition}?offset=0&offset=1", Type: null, Field: "offset");
        yield return new("GET", $"{Partition}?offset=0&from=latest", Type: null, Field: "offset");
        yield return new("GET", $"{Partition}?from=latest&timestamp=0", Type: null, Field: "from");
        yield return new("GET", $"{Partition}?offset=5", Type: null);
        yield return new("GET", $"{Partition}?limit=5", Type: null, Field: "limit", Header: $"Accept: {BodyKinds.Batch}");
        yield return new("GET", Partition, Type: null, Header: "Accept: text/html");
        yield return new("GET", Records, Type: null, Header: "Accept: application/json");
        foreach (var query in new[] { "from=x", "limit=0", "timestamp=x", "offset=0", "key_as=x" })
            yield return new("GET", $"{Records}?{query}", Type: null, Field: query[..query.IndexOf('=')]);
        foreach (var query in new[] { "limit=0", "limit=1001", "limit=x", $"prefix={new string('a', 250)}", $"after={new string('a', 250)}", "page=2" })
            yield return new("GET", $"/v1/topics?{query}", Type: null, Field: query[..query.IndexOf('=')]);
        yield return new("POST", $"{Records}?acks=all", Utf8("""{"records":[{"value":1}]}"""), Field: "acks");
    }

    private static IEnumerable<MalformedRequest> Topics()
    {
        foreach (var name in new[] { "a%20b", "caf%C3%A9", "a%2Fb", "a$b", "a:b", "%2e%2e%2e%20", new string('a', 250), "a%7Cb", "a*b", "a,b" })
            yield return new("PUT", $"/v1/topics/{name}", Utf8("{}"));
        foreach (var body in new[] { "{", "[]", "1", "null", "{\"partitions\":1}}", "{\"partitions\":1,}" })
            yield return new("PUT", "/v1/topics/m", Utf8(body));
        foreach (var partitions in new[] { "0", "-1", "1025", "1.5", "\"1\"", "true", "[]", "99999999999999999999" })
            yield return new("PUT", "/v1/topics/m", Utf8($$"""{"partitions":{{partitions}} }"""), Field: "partitions");
        foreach (var copies in new[] { "0", "-1", "2", "99", "\"1\"", "1.5" })
            yield return new("PUT", "/v1/topics/m", Utf8($$"""{"replication_factor":{{copies}} }"""), Field: "replication_factor");
        foreach (var config in new[] { "1", "[]", "\"a\"", "true" })
            yield return new("PUT", "/v1/topics/m", Utf8($$"""{"config":{{config}} }"""), Field: "config");
        string[] settings =
        [
            "\"retention.ms\":-2", "\"retention.ms\":\"x\"", "\"retention.ms\":1.5", "\"retention.ms\":1e3", "\"retention.ms\":true", "\"retention.ms\":{}",
            "\"segment.bytes\":1", "\"segment.bytes\":99999999999", "\"max.message.bytes\":0", "\"max.message.bytes\":99999999", "\"flush.interval.ms\":-1",
            "\"compression.type\":\"lzma\"", "\"compression.type\":1", "\"message.timestamp.type\":\"createtime\"", "\"retention_ms\":1", "\"cleanup.policy\":\"compact\"",
        ];
        foreach (var setting in settings)
        {
            var field = "config." + setting[1..setting.IndexOf(':')].TrimEnd('"');
            yield return new("PUT", "/v1/topics/m", Utf8("{\"config\":{" + setting + "}}"), Field: field);
            yield return new("PATCH", "/v1/topics/{t}", Utf8("{\"config\":{" + setting + "}}"), Field: field);
        }

        yield return new("PUT", "/v1/topics/m", Utf8("""{"config":{"segment.ms":1,"segment.ms":2}}"""), Field: "config.segment.ms");
        yield return new("PUT", "/v1/topics/m", Utf8("""{"partition":1}"""), Field: "partition");
        yield return new("PUT", "/v1/topics/m", Utf8("""{"partitions":1,"partitions":1}"""), Field: "partitions");
        yield return new("PUT", "/v1/topics/m", new byte[65 * 1024]);
        yield return new("PUT", "/v1/topics/m", Utf8("{}"), "text/plain");
        yield return new("PUT", "/v1/topics/{t}", Utf8("""{"partitions":7}"""));
        foreach (var body in new[] { "", "{}", "{\"replication_factor\":1}", "{\"partitions\":1}", "{\"partitions\":0}", "{\"partitions\":null}" })
            yield return new("PATCH", "/v1/topics/{t}", Utf8(body));
    }

    private static IEnumerable<MalformedRequest> Paths()
    {
        foreach (var path in new[] { "/v1", "/v2/topics", "/v1/topic", "/v1/topics/{t}/x", "/v1/topics/{t}/partitions/0", "/v1/topics/{t}/partitions/0/records/1", "/health", "/favicon.ico" })
            yield return new("GET", path, Type: null);
        foreach (var topic in new[] { "/v1/topics/absent", "/v1/topics/absent/partitions", "/v1/topics/absent/partitions/0/records", "/v1/topics/absent/records" })
            yield return new("GET", topic, Type: null);
        yield return new("DELETE", "/v1/topics/absent", Type: null);
        yield return new("PATCH", "/v1/topics/absent", Utf8("""{"partitions":2}"""));
        yield return new("POST", "/v1/topics/absent/records", Utf8("""{"records":[{"value":1}]}"""));
        yield return new("POST", "/v1/topics/absent/records", Utf8("{\"value\":1}"), Ndjson);
        foreach (var partition in new[] { "2", "-1", "x", "1.0", "99999999999", "%20", "0x0" })
        {
            yield return new("GET", $"/v1/topics/{{t}}/partitions/{partition}/records", Type: null);
            yield return new("POST", $"/v1/topics/{{t}}/partitions/{partition}/records", Utf8("""{"records":[{"value":1}]}"""));
        }

        yield return new("POST", "/v1/topics", Utf8("{}"));
        yield return new("DELETE", "/v1/topics", Type: null);
        yield return new("POST", "/v1/topics/{t}", Utf8("{}"));
        yield return new("PUT", Records, Utf8("{}"));
        foreach (var query in new[] { "", "?before_offset=", "?before_offset=-1", "?before_offset=x", "?before_offset=0&x=1", "?before_offset=0&topic_id=x", "?before_offset=99" })
            yield return new("DELETE", Partition + query, Type: null);
        yield return new("DELETE", "/v1/topics/absent/partitions/0/records?before_offset=0", Type: null);
        yield return new("PATCH", Partition, Utf8("{}"));
        yield return new("POST", "/health/live", Utf8("{}"));
        yield return new("FOO", "/v1/topics", Type: null);
    }

    private static byte[] OneBatch()
    {
        using var writer = new OrleansStream.Records.RecordBatchWriter();
        writer.Append(1_000, "key"u8, hasKey: true, "value"u8, hasValue: true);
        writer.Finish();
        return writer.ToArray();
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}

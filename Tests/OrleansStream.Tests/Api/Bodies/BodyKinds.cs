using System.Text;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>A request with a body, and the status that it has when its body is whole.</summary>
internal sealed record BodyKind(string Name, string Method, string Path, string Type, byte[] Body, int Status = 200)
{
    /// <summary>True when its body is JSON text.</summary>
    public bool IsText => Type is "application/json" or "application/x-ndjson";

    /// <summary>The request, with a body that may differ.</summary>
    public HttpRequestMessage Request(byte[] body, string? coding = null) =>
        new(new HttpMethod(Method), Path) { Content = ApiFixture.Body(body, Type, coding) };
}

/// <summary>Every way in that reads a body, over one topic and one group.</summary>
internal static class BodyKinds
{
    public const string Batch = "application/vnd.kafka.recordbatch.v2";
    public const string Ndjson = "application/x-ndjson";

    /// <summary>Those that store records, each one record at least.</summary>
    public static IReadOnlyList<BodyKind> Produce(string topic)
    {
        var records = $"/v1/topics/{topic}/records";
        var partition = $"/v1/topics/{topic}/partitions/0/records";
        var json = Encoding.UTF8.GetBytes($$"""{"records":[{{string.Join(',', Enumerable.Range(0, 20).Select(i => $$"""{"key":"k{{i}}","value":{{i}}}"""))}}]}""");
        var lines = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 20).Select(i => $$"""{"key":"k{{i}}","value":{{i}}}""" + "\n")));
        var batch = TestBatch.Of([.. Enumerable.Range(0, 5).Select(i => $"value {i}")]);
        byte[] bytes = [.. Enumerable.Range(0, 600).Select(i => (byte)(i * i))];
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("a line of text, ", 30)));
        return
        [
            new("json", "POST", records, "application/json", json), new("json, partition", "POST", partition, "application/json", json),
            new("ndjson", "POST", records, Ndjson, lines), new("ndjson, partition", "POST", partition, Ndjson, lines),
            new("octet-stream", "POST", records, "application/octet-stream", bytes), new("text", "POST", records, "text/plain", text),
            new("batches", "POST", records, Batch, batch), new("batches, partition", "POST", partition, Batch, batch),
        ];
    }

    /// <summary>Those that store none.</summary>
    public static IReadOnlyList<BodyKind> Others(string topic, string group) =>
    [
        Json("poll", "POST", $"/v1/groups/{group}/members/m/poll", $$"""{"topics":["{{topic}}"]}"""),
        Json("policy", "PUT", $"/v1/groups/{group}", """{"max_attempts":3}"""),
        Json("offsets", "PUT", $"/v1/groups/{group}-o/offsets", $$"""{"offsets":[{"topic":"{{topic}}","partition":0,"offset":0}]}"""),
        Json("reset", "POST", $"/v1/groups/{group}-o/offsets/reset", $$"""{"topics":["{{topic}}"],"to":"earliest"}"""),
        Json("redrive", "POST", $"/v1/groups/{group}/dead-letters/redrive", $$"""{"topic":"{{topic}}"}""", 202),
        Json("create topic", "PUT", $"/v1/topics/{topic}", """{"partitions":1,"config":{"retention.ms":-1}}"""),
        Json("alter topic", "PATCH", $"/v1/topics/{topic}", """{"config":{"retention.ms":3600000}}"""),
        Json("producer", "POST", "/v1/producers", "{}", 201),
    ];

    private static BodyKind Json(string name, string method, string path, string body, int status = 200) =>
        new(name, method, path, "application/json", Encoding.UTF8.GetBytes(body), status);
}

using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Secrets;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>A record's place.</summary>
internal readonly record struct Place(int Partition, long Offset);

/// <summary>A record as it was read.</summary>
internal sealed record ReadRecord(int Partition, long Offset, string? Key, JsonNode? Value);

/// <summary>An answer: the status and its JSON.</summary>
internal sealed record Answer(HttpStatusCode Status, JsonNode? Body, HttpResponseHeaders Headers)
{
    public string? ErrorCode => (string?)Body?["error_code"];

    /// <summary>Fails the test unless the status is this.</summary>
    public Answer Expect(HttpStatusCode status)
    {
        Assert.True(Status == status, $"{(int)Status} instead of {(int)status}: {Body?.ToJsonString()}");
        return this;
    }
}

/// <summary>The REST surface as a test uses it, with plain HTTP and JSON: nothing of the service's own code.</summary>
/// <param name="address">The node.</param>
/// <param name="handler">What sends the requests; null for a usual one.</param>
internal sealed class ServiceClient(Uri address, HttpMessageHandler? handler = null) : IDisposable
{
    private const int FetchRecordsMax = 10_000;

    public HttpClient Http { get; } = new(
        new SecretSeekingHandler(handler ?? new SocketsHttpHandler())) { BaseAddress = address, Timeout = Wait.Patience };

    public void Dispose() => Http.Dispose();

    /// <summary>Sends a key with every request.</summary>
    public void SignIn(string key) => Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);

    public async Task<Answer> SendAsync(HttpMethod method, string path, HttpContent? content = null, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        return await SendAsync(request, cancellationToken);
    }

    public async Task<Answer> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken = default)
    {
        using var response = await Http.SendAsync(request, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        return new Answer(response.StatusCode, text.Length == 0 ? null : JsonNode.Parse(text), response.Headers);
    }

    public Task<Answer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<Answer> PostAsync(string path, JsonNode body) => SendAsync(HttpMethod.Post, path, Json(body));

    public async Task CreateTopicAsync(string topic, int partitions, JsonObject? config = null)
    {
        var body = new JsonObject { ["partitions"] = partitions };
        if (config is not null)
            body["config"] = config;
        (await SendAsync(HttpMethod.Put, $"/v1/topics/{topic}", Json(body))).Expect(HttpStatusCode.Created);
    }

    /// <summary>Stores records and expects all of them stored.</summary>
    /// <returns>Their places, in their order.</returns>
    public async Task<Place[]> ProduceAsync(string topic, params IEnumerable<JsonObject> records)
    {
        var body = new JsonObject { ["records"] = new JsonArray([.. records]) };
        return PlacesOf((await PostAsync($"/v1/topics/{topic}/records", body)).Expect(HttpStatusCode.OK));
    }

    /// <summary>The places in an answer to a produce of which all was stored.</summary>
    public static Place[] PlacesOf(Answer answer) =>
        [.. answer.Body!["results"]!.AsArray().Select(result => new Place((int)result!["partition"]!, (long)result["offset"]!))];

    /// <summary>Reads a partition from its start to its high watermark.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="query">More of the query, such as <c>&amp;value_as=binary</c>.</param>
    public async Task<List<ReadRecord>> ReadAllAsync(string topic, int partition, string query = "")
    {
        var records = new List<ReadRecord>();
        for (var position = "from=earliest"; ;)
        {
            var body = (await GetAsync(
                $"/v1/topics/{topic}/partitions/{partition}/records?{position}&limit={FetchRecordsMax}{query}")).Expect(HttpStatusCode.OK).Body!;
            records.AddRange(body["records"]!.AsArray().Select(Parse));
            var next = (long)body["next_offset"]!;
            if (next >= (long)body["high_watermark"]!)
                return records;
            position = $"offset={next}";
        }
    }

    /// <summary>Reads all partitions of a topic.</summary>
    public async Task<List<ReadRecord>[]> ReadTopicAsync(string topic, int partitions)
    {
        var all = new List<ReadRecord>[partitions];
        for (var partition = 0; partition < partitions; partition++)
            all[partition] = await ReadAllAsync(topic, partition);
        return all;
    }

    public static ReadRecord Parse(JsonNode? record) => new(
        (int)record!["partition"]!, (long)record["offset"]!, record["key"]?.ToString(), record["value"]?.DeepClone());

    public static StringContent Json(JsonNode body) => new(body.ToJsonString(), Encoding.UTF8, "application/json");
}

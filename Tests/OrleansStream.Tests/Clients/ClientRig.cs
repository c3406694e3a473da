using System.Net;
using System.Text;
using System.Text.Json;
using OrleansStream.Client;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Reading;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>A client of the service in this process, by real HTTP, on which requests and answers get lost as a test wants it.</summary>
internal sealed class ClientRig : IDisposable
{
    private ClientRig(ApiFixture api, TimeProvider? time)
    {
        // With a clock of the test's own only the test ends a try.
        Client = new OrleansStreamClient(new OrleansStreamClientOptions
        {
            Endpoints = [api.Client.BaseAddress!],
            HttpHandler = Line,
            TimeProvider = time ?? TimeProvider.System,
            RequestTimeout = time is null ? TimeSpan.FromMinutes(1) : TimeSpan.FromHours(1),
        });
    }

    /// <summary>The way to the service.</summary>
    public FaultyHttpHandler Line { get; } = new();

    /// <summary>The client.</summary>
    public OrleansStreamClient Client { get; }

    /// <summary>A topic of the test's own.</summary>
    public string Topic { get; private init; } = "";

    /// <summary>A group of the test's own.</summary>
    public string Group { get; } = $"g-{Guid.NewGuid():N}";

    /// <summary>Makes a client and a topic.</summary>
    /// <param name="api">The service.</param>
    /// <param name="partitions">The topic's partitions.</param>
    /// <param name="time">The client's clock; null for the real one.</param>
    public static async Task<ClientRig> MakeAsync(ApiFixture api, int partitions = 1, TimeProvider? time = null) =>
        new(api, time) { Topic = await api.CreateTopicAsync(partitions) };

    /// <summary>Counts requests that commit offsets alone, and lets all pass.</summary>
    public static HttpFault CountPut(HttpRequestMessage request, ref int puts)
    {
        if (request.Method == HttpMethod.Put && request.RequestUri!.AbsolutePath.EndsWith("/offsets", StringComparison.Ordinal))
            Interlocked.Increment(ref puts);
        return HttpFault.None;
    }

    /// <summary>A refusal as the service writes it.</summary>
    public static HttpResponseMessage Refusal(HttpStatusCode status, string code, bool isRetriable = false, string? outcome = null)
    {
        var problem = new Problem
        {
            Type = "about:blank",
            Title = "Refused",
            Status = (int)status,
            Detail = "It is refused.",
            ErrorCode = code,
            KafkaCode = 1,
            Retriable = isRetriable,
            Outcome = outcome,
        };
        return new HttpResponseMessage(status)
        {
            Content = new StringContent(JsonSerializer.Serialize(problem, ApiJsonContext.Api.Problem), Encoding.UTF8, "application/problem+json"),
        };
    }

    /// <summary>Whether a request stores records.</summary>
    public static bool IsAppend(HttpRequestMessage request) =>
        request.Method == HttpMethod.Post && request.RequestUri!.AbsolutePath.EndsWith("/records", StringComparison.Ordinal);

    /// <summary>Whether a request is a poll of a group's member.</summary>
    public static bool IsPoll(HttpRequestMessage request) => request.RequestUri!.AbsolutePath.EndsWith("/poll", StringComparison.Ordinal);

    /// <summary>A number in a request's JSON.</summary>
    public static int NumberIn(HttpRequestMessage request, string field)
    {
        using var body = JsonDocument.Parse(request.Content!.ReadAsStream());
        return body.RootElement.GetProperty(field).GetInt32();
    }

    /// <summary>All records of the topic, in their order within a partition.</summary>
    public async Task<IReadOnlyList<ConsumedRecord<string>>> ReadAllAsync(string? topic = null, Action<ReaderOptions>? configure = null)
    {
        var records = new List<ConsumedRecord<string>>();
        await foreach (var record in Client.Read<string>(topic ?? Topic, configure).WithCancellation(TestContext.Current.CancellationToken))
            records.Add(record);
        return records;
    }

    /// <summary>Sends texts.</summary>
    public async Task SendAsync(params string[] values)
    {
        await using var producer = Client.CreateProducer(Topic);
        foreach (var value in values)
            await producer.SendAsync<string>(null, value);
    }

    /// <summary>The next offsets that the group has committed, by partition.</summary>
    public async Task<Dictionary<int, long>> CommittedAsync() =>
        (await Client.Admin.Groups.GetOffsetsAsync(Group, Topic)).Offsets.ToDictionary(offset => offset.Partition, offset => offset.Offset);

    public void Dispose()
    {
        Client.Dispose();
        Line.Dispose();
    }
}

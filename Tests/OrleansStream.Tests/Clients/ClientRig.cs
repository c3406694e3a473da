using OrleansStream.Client;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Reading;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>A client of the service in this process, by real HTTP, on which requests and answers get lost as a test wants it.</summary>
internal sealed class ClientRig : IDisposable
{
    private ClientRig(ApiFixture api)
    {
        Client = new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!], HttpHandler = Line });
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
    public static async Task<ClientRig> MakeAsync(ApiFixture api, int partitions = 1) =>
        new(api) { Topic = await api.CreateTopicAsync(partitions) };

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

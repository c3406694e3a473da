using OrleansStream.Client.Producing;
using OrleansStream.Client.Records;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>A list has a result for each of its records, also when some are not even taken: the caller learns where the others are stored.</summary>
[Collection(ApiTests.Name)]
public sealed class ProducerListTests(ApiFixture api)
{
    private static readonly string TooLarge = new('x', ProducerLimits.BatchBytesMax + 1);

    [Fact]
    public async Task Send_OfAListWithRecordsThatAreNotTaken_TellsOfEach()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic);

        var results = await producer.SendAsync(
        [
            new OutgoingRecord<string>("a", "first"),
            new OutgoingRecord<string>("a", TooLarge),
            new OutgoingRecord<string>("a", "headers") { Headers = [.. Enumerable.Repeat(new StreamHeader("h", "v"u8.ToArray()), 101)] },
            new OutgoingRecord<string>("a", "last"),
        ]);

        Assert.Equal([(0L, null), (-1, "MESSAGE_TOO_LARGE"), (-1, "INVALID_RECORD"), (1, null)], results.Select(result => (result.Offset, result.Error?.ErrorCode)));
        Assert.Equal([0, -1, -1, 0], results.Select(result => result.Partition));
        Assert.All(results, result => Assert.False(result.Error?.IsOutcomeUnknown ?? false));
        Assert.Equal(["first", "last"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_OfAListToATopicThatIsNotThere_TellsOfEach()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer("nowhere");

        var results = await producer.SendAsync([new OutgoingRecord<string>("a", "first"), new OutgoingRecord<string>("a", "last")]);

        Assert.Equal(["UNKNOWN_TOPIC_OR_PARTITION", "UNKNOWN_TOPIC_OR_PARTITION"], results.Select(result => result.Error?.ErrorCode));
    }

    [Fact]
    public async Task Send_OfAListByAGaplessProducer_TakesNothingBehindARecordThatItDidNotTake()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.Gapless = true);

        var results = await producer.SendAsync(
            [new OutgoingRecord<string>("a", "first"), new OutgoingRecord<string>("a", TooLarge), new OutgoingRecord<string>("a", "behind it")]);

        Assert.Equal([null, "MESSAGE_TOO_LARGE", "GAPLESS_GUARANTEE"], results.Select(result => result.Error?.ErrorCode));
        Assert.Equal(["first"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_OfAListByAProducerThatIsDisposed_IsRefused()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var producer = rig.Client.CreateProducer(rig.Topic);
        await producer.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => producer.SendAsync([new OutgoingRecord<string>("a", "first")]));
    }
}

using System.Buffers;
using OrleansStream.Client;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Records;
using OrleansStream.Client.Serialization;
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

    [Theory]
    [InlineData("list")]
    [InlineData("array")]
    [InlineData("queue")]
    public async Task Send_OfALongListInParts_HasOneResultForEachRecordInItsOrder(string form)
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 3);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options =>
        {
            options.BatchSize = 16 * 1024;
            options.BufferBytes = ProducerLimits.BufferBytesMin;
        });
        var records = Enumerable.Range(0, 3_000).Select(i => new OutgoingRecord<string>(i % 5 == 0 ? $"key-{i % 35}" : null, $"{i}")
        {
            Partition = i % 7 == 0 ? 2 : null,
            Timestamp = i % 11 == 0 ? DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000 + i) : null,
            Headers = i % 13 == 0 ? [new StreamHeader("h", $"{i}")] : null,
            IsTombstone = i % 17 == 0,
        });

        IReadOnlyCollection<OutgoingRecord<string>> sent = form switch
        {
            "list" => records.ToList(),
            "array" => records.ToArray(),
            _ => new Queue<OutgoingRecord<string>>(records),
        };

        var results = await producer.SendAsync(sent, TestContext.Current.CancellationToken);
        await producer.FlushAsync(TestContext.Current.CancellationToken);

        Assert.Equal(3_000, results.Count);
        var stored = (await rig.ReadAllAsync()).ToDictionary(record => (record.Partition, record.Offset));
        Assert.Equal(3_000, stored.Count);
        for (var i = 0; i < results.Count; i++)
        {
            var record = stored[(results[i].Partition, results[i].Offset)];
            Assert.Equal((i % 17 == 0 ? null : $"{i}", i % 5 == 0 ? $"key-{i % 35}" : null), (record.Value, record.Key));
            Assert.Equal(i % 13 == 0 ? $"{i}" : null, record.Headers.SingleOrDefault().Text);
            Assert.Equal(record.Timestamp, results[i].Timestamp);
            Assert.True(i % 7 != 0 || record.Partition == 2);
            Assert.True(i % 11 != 0 || record.Timestamp!.Value.ToUnixTimeMilliseconds() == 1_700_000_000_000 + i);
        }

        Assert.Equal(results, results.Select(result => result));
        var keyed = results.Where((_, i) => i % 35 == 5 && i % 7 != 0).ToList();
        Assert.Equal(keyed.Select(result => result.Offset).Order(), keyed.Select(result => result.Offset));
        Assert.Throws<ArgumentOutOfRangeException>(() => results[3_000]);
        Assert.Equal(0, producer.BufferedBytes);
    }

    /// <summary>No run of these fits into the memory at once, so some wait. One is too large, and one cannot be encoded.</summary>
    [Fact]
    public async Task Send_OfAListThatWaitsForMemory_EncodesEachValueOnce()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var serializer = new CountingSerializer();
        var options = new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!] };
        options.Serializers.Set(serializer);
        using var client = new OrleansStreamClient(options);
        await using var producer = client.CreateProducer(rig.Topic, settings => settings.BufferBytes = ProducerLimits.BufferBytesMin);

        var results = await producer.SendAsync(
            [.. Enumerable.Range(0, 300).Select(number => new OutgoingRecord<int>("a", number))], TestContext.Current.CancellationToken);

        Assert.All(serializer.Counts, count => Assert.Equal(1, count));
        Assert.Equal(
            [(CountingSerializer.TooLarge, "MESSAGE_TOO_LARGE"), (CountingSerializer.Invalid, "INVALID_RECORD")],
            results.Select((result, number) => (number, result.Error?.ErrorCode)).Where(result => result.ErrorCode is not null));
        var stored = results.Where(result => result.IsStored).Select(result => result.Offset);
        Assert.Equal(Enumerable.Range(0, 298).Select(offset => (long)offset), stored);
    }

    private sealed class CountingSerializer : ISerializer<int>
    {
        public const int TooLarge = 100, Invalid = 200;

        public int[] Counts { get; } = new int[300];

        public void Serialize(int value, IBufferWriter<byte> destination)
        {
            Counts[value]++;
            if (value == Invalid)
                throw new InvalidDataException("no good");
            destination.Write(new byte[value == TooLarge ? ProducerLimits.BatchBytesMax + 1 : 1_000]);
        }

        public int Deserialize(ReadOnlySpan<byte> bytes) => bytes.Length;
    }
}

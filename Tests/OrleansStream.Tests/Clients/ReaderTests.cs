using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Reading;
using OrleansStream.Client.Records;
using OrleansStream.Client.Serialization;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>Reading without a group: from any place, to the end or on and on.</summary>
[Collection(ApiTests.Name)]
public sealed class ReaderTests(ApiFixture api)
{
    [Fact]
    public async Task Read_FromAnOffset_EndsAtTheEnd()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1", "2", "3");

        var records = await rig.ReadAllAsync(configure: options => options.From = ReadFrom.Offset(2));

        Assert.Equal(["2", "3"], records.Select(record => record.Value));
        Assert.Empty(await rig.ReadAllAsync(configure: options => options.From = ReadFrom.Latest));
    }

    [Fact]
    public async Task Read_WhenItFollows_GetsWhatComesAndSurvivesTroubles()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        await rig.SendAsync("before");
        var count = 0;
        rig.Line.OnRequest = (request, _) => request.Method == HttpMethod.Get && Interlocked.Increment(ref count) % 3 == 0 ? HttpFault.ReplyCutOff
            : HttpFault.None;
        var seen = new List<string>();

        await foreach (var record in rig.Client.Read<string>(rig.Topic, options => options.Follow = true).WithCancellation(
            TestContext.Current.CancellationToken))
        {
            seen.Add(record.Value!);
            if (seen.Count == 4)
                break;
            await rig.SendAsync($"after {seen.Count}");
        }

        Assert.Equal(["before", "after 1", "after 2", "after 3"], seen);
    }

    /// <summary>The answers of the first partition are there as soon as they are asked for, and have nothing new.</summary>
    [Fact]
    public async Task Read_WhenAPartitionAlwaysHasAnAnswer_ReadsTheOthersToo()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        var answered = 0;
        rig.Line.Answer = request =>
        {
            var path = request.RequestUri!.AbsolutePath;
            if (!path.EndsWith("/records", StringComparison.Ordinal))
                return null;
            var isFirst = path.Contains("/partitions/0/", StringComparison.Ordinal);
            Assert.True(!isFirst || answered++ < 100, "Only the first partition is read.");
            var answer = new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(isFirst ? [] : TestBatch.Of("other")) };
            answer.Headers.Add("Fetch-Offset", "0");
            answer.Headers.Add("Next-Offset", isFirst ? "0" : "1");
            answer.Headers.Add("High-Watermark", isFirst ? "0" : "1");
            return answer;
        };

        await foreach (var record in rig.Client.Read<string>(rig.Topic, options => options.Follow = true).WithCancellation(
            TestContext.Current.CancellationToken))
        {
            Assert.Equal((1, "other"), (record.Partition, record.Value));
            break;
        }
    }

    [Fact]
    public async Task Read_FromATimeOfOnePartition_ReadsThatAlone()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        var start = DateTimeOffset.Parse("2026-06-11T19:00:00Z");
        await using (var producer = rig.Client.CreateProducer(rig.Topic))
        {
            for (var i = 0; i < 10; i++)
                await producer.SendAsync(new OrleansStream.Client.Producing.OutgoingRecord<string>(null, $"{i}") { Partition = i % 2, Timestamp = start.AddMinutes(i) });
        }

        var records = await rig.ReadAllAsync(configure: options => (options.From, options.Partitions) = (ReadFrom.Time(start.AddMinutes(5)), [1]));

        Assert.Equal(["5", "7", "9"], records.Select(record => record.Value));
        Assert.All(records, record => Assert.Equal(1, record.Partition));
    }

    [Fact]
    public async Task Read_FromAnOffsetThatIsNot_SaysTheBounds()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0");

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => rig.ReadAllAsync(configure: options => options.From = ReadFrom.Offset(7)));

        Assert.Equal(("OFFSET_OUT_OF_RANGE", 1L), (error.ErrorCode, error.Problem!.HighWatermark));
    }

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Lz4)]
    public async Task Read_OfManyAnswers_GivesEachRecordItsOwnKeyAndValueInOrder(Compression compression)
    {
        const int Count = 3_000;
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        Action<ProducerOptions> configure = options => (options.BatchSize, options.Compression) = (32 * 1024, compression);
        await using (var producer = rig.Client.CreateProducer(rig.Topic, configure))
        {
            await producer.SendAsync([.. Enumerable.Range(0, Count).Select(i => new OutgoingRecord<string>($"key {i % 7}", $"value {i}"))]);
        }

        // Batches are larger than what is decoded at once, and an answer has one batch or a few. All records are kept till the end.
        var records = await rig.ReadAllAsync(configure: options => options.MaxBytes = 40 * 1024);

        Assert.Equal(
            Enumerable.Range(0, Count).Select(i => $"value {i}").Order(StringComparer.Ordinal),
            records.Select(record => record.Value).Order(StringComparer.Ordinal));
        foreach (var partition in records.GroupBy(record => record.Partition))
            Assert.Equal(Enumerable.Range(0, partition.Count()).Select(i => (long)i), partition.Select(record => record.Offset));
        foreach (var key in records.GroupBy(record => record.Key))
        {
            var numbers = key.Select(record => int.Parse(record.Value!.Split(' ')[1], CultureInfo.InvariantCulture)).ToList();
            Assert.Equal(numbers.Order(), numbers);
            Assert.All(numbers, number => Assert.Equal($"key {number % 7}", key.Key));
        }
    }

    [Fact]
    public async Task Fail_OfARecordWithoutAGroup_IsRefused()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0");
        var record = Assert.Single(await rig.ReadAllAsync());

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await record.FailAsync("no"));
    }

    [Fact]
    public async Task Enumerator_BehindAValueThatCannotBeRead_HasNoMoreRecords()
    {
        var records = new RecordEnumerator<string>(AnswersAsync());

        Assert.True(await records.MoveNextAsync());
        Assert.Equal("good", records.Current.Value);
        await Assert.ThrowsAsync<FormatException>(async () => await records.MoveNextAsync());

        Assert.False(await records.MoveNextAsync());

        static async IAsyncEnumerator<FetchedRecords<string>> AnswersAsync()
        {
            yield return Answer("good");
            await Task.Yield();
            yield return Answer("bad", "behind");
            yield return Answer("of the next answer");
        }

        static FetchedRecords<string> Answer(params string[] values)
        {
            var decoder = new RecordDecoder<string>(new TopicPartition("matches", 0), new FussySerializer(), NullLogger.Instance);
            var answer = new FetchedRecords<string>(new AnswerBuffer(), decoder, from: 0, behind: long.MaxValue);
            Assert.True(answer.TryAdd(Batches.Of([.. values.Select(value => ((string?)null, value))])));
            return answer;
        }
    }

    [Fact]
    public async Task Enumerator_OverAnswers_GivesOutEachRecordAndEndsThemWhenItIsLeft()
    {
        var isEnded = false;
        var records = new RecordEnumerator<int>(AnswersAsync());
        var seen = new List<int>();

        while (seen.Count < 4 && await records.MoveNextAsync())
            seen.Add(records.Current.Value);
        Assert.False(isEnded);
        await records.DisposeAsync();

        Assert.Equal([1, 2, 3, 4], seen);
        Assert.True(isEnded);
        Assert.False(await records.MoveNextAsync());

        async IAsyncEnumerator<FetchedRecords<int>> AnswersAsync()
        {
            try
            {
                yield return Answer();
                yield return Answer(Of(1), Of(2));
                await Task.Yield();
                yield return Answer();
                yield return Answer(Of(3));
                yield return Answer(Of(4), Of(5));
            }
            finally
            {
                isEnded = true;
            }
        }

        static FetchedRecords<int> Answer(params ConsumedRecord<int>[] records)
        {
            var decoder = new RecordDecoder<int>(new TopicPartition("matches", 0), new ValueSerializers().Get<int>(), NullLogger.Instance);
            var answer = new FetchedRecords<int>(new AnswerBuffer(), decoder, from: 0, behind: long.MaxValue);
            answer.Add([.. records], failure: null);
            return answer;
        }

        static ConsumedRecord<int> Of(int value) =>
            new(new RecordPlace("matches", 0, value), timestampMs: -1, key: null, value, isTombstone: false, headers: null);
    }

    private sealed class FussySerializer : ISerializer<string>
    {
        public void Serialize(string value, IBufferWriter<byte> destination) => throw new NotSupportedException();

        public string Deserialize(ReadOnlySpan<byte> bytes) =>
            Encoding.UTF8.GetString(bytes) is var value && value != "bad" ? value : throw new FormatException("It is bad.");
    }
}

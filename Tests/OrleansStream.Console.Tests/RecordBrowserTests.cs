using Microsoft.Extensions.Time.Testing;
using OrleansStream.WebConsole.Calls;
using OrleansStream.WebConsole.Records;

namespace OrleansStream.WebConsole.Tests;

/// <summary>Records over partitions, in the order of their times.</summary>
public sealed class RecordBrowserTests : IAsyncDisposable
{
    // Above what a double can tell apart.
    private const long Far = 9_007_199_254_740_993;

    private readonly ConsoleContext _context = new();

    private FakeService Service => _context.Service;

    private StreamApi Api => new(Service.Client(), _context.Session);

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [Fact]
    public async Task Read_NewestFirst_MergesPartitionsAndKeepsEachDigitOfOffsets()
    {
        var topic = new FakeTopic(Service, "t", Far, 0);
        for (var i = 0; i < 40; i++)
            topic.Add(i % 2, i * 1_000);
        var browser = await OpenAsync(isNewestFirst: true);

        var records = await ReadAllAsync(browser, 7);

        Assert.Equal(Enumerable.Range(0, 40).Reverse().Select(i => i * 1_000L), records.Select(TimeMsOf));
        Assert.Equal(
            Enumerable.Range(0, 20).Reverse().Select(i => Far + i), records.Where(record => record.Partition == 0).Select(record => record.Offset));
        Assert.Equal((40, 40), (browser.Scanned, browser.Total));
    }

    [Fact]
    public async Task Read_NewestFirst_WhenAnswersAreSmallerThanAsked_LeavesNothingOut()
    {
        var topic = new FakeTopic(Service, "t", 5) { AnswerMax = 3 };
        for (var i = 0; i < 50; i++)
            topic.Add(0, i);

        var records = await ReadAllAsync(await OpenAsync(isNewestFirst: true), 20);

        Assert.Equal(Enumerable.Range(5, 50).Reverse().Select(i => (long)i), records.Select(record => record.Offset));
    }

    [Fact]
    public async Task Read_OldestFirst_BeginsWhereItIsTold()
    {
        var topic = new FakeTopic(Service, "t", 0, 0) { AnswerMax = 4 };
        for (var i = 0; i < 30; i++)
            topic.Add(i % 2, i * 1_000);

        var byTime = await ReadAllAsync(await OpenAsync(isNewestFirst: false, time: DateTimeOffset.FromUnixTimeMilliseconds(21_000)), 5);
        var byOffset = await ReadAllAsync(await OpenAsync(isNewestFirst: false, partition: 1, offset: 12), 5);

        Assert.Equal(Enumerable.Range(21, 9).Select(i => i * 1_000L), byTime.Select(record => record.Timestamp!.Value.ToUnixTimeMilliseconds()));
        Assert.Equal([12, 13, 14], byOffset.Select(record => record.Offset));
    }

    [Fact]
    public async Task Read_WhenTheTopicIsEmpty_EndsAtOnce()
    {
        _ = new FakeTopic(Service, "t", 7, 0);
        var browser = await OpenAsync(isNewestFirst: true);

        Assert.Empty(await browser.ReadAsync(50, () => { }, TestContext.Current.CancellationToken));
        Assert.True(browser.IsAtEnd);
        Assert.Single(Service.Asked);
    }

    [Fact]
    public async Task Read_WithAFilterThatTakesFew_StopsAndTellsHowFarItLooked()
    {
        var topic = new FakeTopic(Service, "t", 0);
        for (var i = 0; i < BrowsingLimits.ScannedMax + 100; i++)
            topic.Add(0, i, i == 50 ? "rare" : "k");
        var browser = await OpenAsync(isNewestFirst: true, filter: new RecordFilter("rare", null, null, null));
        var told = 0;

        var first = await browser.ReadAsync(50, () => told++, TestContext.Current.CancellationToken);
        var scanned = browser.Scanned;
        var rest = await browser.ReadAsync(50, () => told++, TestContext.Current.CancellationToken);

        Assert.Empty(first);
        Assert.Equal(BrowsingLimits.ScannedMax, scanned);
        Assert.True(told > 10);
        Assert.Equal("rare", Assert.Single(rest).Key);
        // The service chose: only that one came to the browser.
        Assert.Equal(1, topic.Sent);
        Assert.True(browser.IsAtEnd);
    }

    [Fact]
    public async Task Read_WithAFilter_ShowsWhatOnePartitionHasThoughAnotherHasNone()
    {
        var topic = new FakeTopic(Service, "t", 0, 0);
        for (var i = 0; i < BrowsingLimits.ScannedMax * 2; i++)
            topic.Add(i % 2, i, i % 2 == 0 && i > BrowsingLimits.ScannedMax * 2 - 100 ? "rare" : "k");
        var browser = await OpenAsync(isNewestFirst: true, filter: new RecordFilter("rare", null, null, null));

        var first = await browser.ReadAsync(500, () => { }, TestContext.Current.CancellationToken);

        Assert.Equal(49, first.Count);
        Assert.False(browser.IsAtEnd);
    }

    [Fact]
    public async Task Read_OfVeryManyPartitions_AsksSomeFirstAndLeavesNoneOut()
    {
        const int Count = 3 * BrowsingLimits.PartitionsTogether;
        var topic = new FakeTopic(Service, "t", new long[Count]);
        for (var i = 0; i < Count; i++)
            topic.Add(i, i);
        var browser = await OpenAsync(isNewestFirst: true);

        var first = await browser.ReadAsync(10, () => { }, TestContext.Current.CancellationToken);

        Assert.Equal(BrowsingLimits.PartitionsTogether, topic.Sent);
        Assert.Equal(Enumerable.Range(BrowsingLimits.PartitionsTogether - 10, 10).Reverse(), first.Select(record => record.Partition));
        var rest = await ReadAllAsync(browser, 50);
        Assert.Equal(Enumerable.Range(0, Count), first.Concat(rest).Select(record => record.Partition).Order());
        Assert.True(browser.IsAtEnd);
    }

    [Fact]
    public async Task Tail_OfAFastTopic_ReadsFewAndCountsAll()
    {
        var topic = new FakeTopic(Service, "t", 0, 0, 0);
        var time = new FakeTimeProvider();
        var tail = new LiveTail(Api, "t", partition: null, RecordFilter.None, time);
        topic.Add(0, 1, "before");
        Assert.Empty(await tail.RunAsync(TestContext.Current.CancellationToken));

        for (var i = 0; i < 5_000; i++)
            topic.Add(i % 3, 1_000 + i);
        time.Advance(TimeSpan.FromSeconds(1));
        var came = await tail.RunAsync(TestContext.Current.CancellationToken);

        Assert.Equal(BrowsingLimits.RoundRecordsMax, came.Count);
        Assert.Equal(5_999, came[0].Timestamp!.Value.ToUnixTimeMilliseconds());
        Assert.Equal((5_000, BrowsingLimits.RoundRecordsMax), (tail.Arrived, tail.Read));
        Assert.Equal(5_000, tail.PerSecond, 1.0);
        Assert.Equal(BrowsingLimits.RoundRecordsMax, topic.Sent);
    }

    [Fact]
    public async Task Tail_OfASlowTopic_ShowsEveryRecordOnce()
    {
        var topic = new FakeTopic(Service, "t", 0, 0);
        var tail = new LiveTail(Api, "t", partition: null, RecordFilter.None, new FakeTimeProvider());
        var seen = new List<long>();
        await tail.RunAsync(TestContext.Current.CancellationToken);
        for (var i = 0; i < 30; i++)
        {
            topic.Add(i % 2, i);
            if (i % 4 == 3)
                seen.AddRange((await tail.RunAsync(TestContext.Current.CancellationToken)).Select(TimeMsOf));
        }

        Assert.Equal(Enumerable.Range(0, 28).Select(i => (long)i), seen.Order());
    }

    private async Task<RecordBrowser> OpenAsync(
        bool isNewestFirst, int? partition = null, long? offset = null, DateTimeOffset? time = null, RecordFilter? filter = null)
    {
        var browser = new RecordBrowser(Api, "t", isNewestFirst, filter ?? RecordFilter.None);
        await browser.OpenAsync(partition, offset, time, TestContext.Current.CancellationToken);
        return browser;
    }

    private static async Task<List<BrowsedRecord>> ReadAllAsync(RecordBrowser browser, int page)
    {
        var records = new List<BrowsedRecord>();
        while (!browser.IsAtEnd)
            records.AddRange(await browser.ReadAsync(page, () => { }, TestContext.Current.CancellationToken));
        return records;
    }

    private static long TimeMsOf(BrowsedRecord record) => record.Timestamp!.Value.ToUnixTimeMilliseconds();
}

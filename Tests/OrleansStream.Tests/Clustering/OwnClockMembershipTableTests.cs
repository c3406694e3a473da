using System.Net;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Orleans.Configuration;
using OrleansStream.Clustering;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clustering;

/// <summary>Whom a silo takes for silent: by its own clock alone, and never one that goes on giving signs of life.</summary>
public sealed class OwnClockMembershipTableTests
{
    private static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan JoinSilenceMax = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan SecondsLess = TimeSpan.FromSeconds(2);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 6, 11, 19, 0, 0, TimeSpan.Zero));
    private readonly ScriptedDocumentStore _documents = new(new MemoryDocumentStore());
    private readonly DocumentMembershipTable _stored;

    public OwnClockMembershipTableTests() => _stored = new DocumentMembershipTable(
        _documents, Options.Create(new ClusterOptions { ClusterId = "c" }));

    // Whatever the clocks of the silos before it said.
    [Theory]
    [InlineData(0)]
    [InlineData(-3_600)]
    [InlineData(3_600)]
    public async Task ReadAll_OfASiloThatJoins_ShowsOneThatGivesNoSignAsStaleAfterTheJoinsPatienceAlone(int secondsAhead)
    {
        await InsertAsync(_stored, Entry(1, SiloStatus.Active, secondsAhead));
        var joining = TableOf(2);
        await InsertAsync(joining, Entry(2, SiloStatus.Joining));

        await joining.ReadAll();
        _time.Advance(JoinSilenceMax - SecondsLess);
        Assert.False(await IsStaleAsync(joining, 1));
        _time.Advance(2 * SecondsLess);
        Assert.True(await IsStaleAsync(joining, 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3_600)]
    [InlineData(3_600)]
    public async Task ReadAll_OfASiloThatJoins_NeverShowsOneAsStaleThatAnswersIt(int secondsAhead)
    {
        var ahead = new FakeTimeProvider(_time.GetUtcNow().AddSeconds(secondsAhead));
        var active = TableOf(1, ahead);
        await InsertAsync(active, Entry(1, SiloStatus.Active, secondsAhead));
        var joining = TableOf(2);
        await InsertAsync(joining, Entry(2, SiloStatus.Joining));
        await joining.ReadAll();

        // The active one reads the table every few seconds, and signs by itself far more seldom than the one that joins has patience.
        for (var i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            ahead.Advance(TimeSpan.FromSeconds(5));
            await active.ReadAll();
            Assert.False(await IsStaleAsync(joining, 1));
        }
    }

    [Fact]
    public async Task ReadAll_OfAnActiveSilo_SignsOnceForEachThatJoinsAndForNobodyElse()
    {
        var active = TableOf(1);
        await InsertAsync(active, Entry(1, SiloStatus.Active));
        await InsertAsync(_stored, Entry(3, SiloStatus.Dead));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await SignsAtNextReadAsync(active));

        await InsertAsync(_stored, Entry(2, SiloStatus.Joining));
        Assert.True(await SignsAtNextReadAsync(active));
        Assert.False(await SignsAtNextReadAsync(active));
        await InsertAsync(_stored, Entry(4, SiloStatus.Joining));
        Assert.True(await SignsAtNextReadAsync(active));
        Assert.False(await SignsAtNextReadAsync(active));
    }

    [Fact]
    public async Task ReadAll_OfAnActiveSilo_WhenItsSignCannotBeWritten_ReadsAllTheSameAndSignsNextTime()
    {
        var active = TableOf(1);
        await InsertAsync(active, Entry(1, SiloStatus.Active));
        await InsertAsync(_stored, Entry(2, SiloStatus.Joining));
        _documents.WriteFailure = new StoreUnavailableException("away");
        Assert.Equal(2, (await active.ReadAll()).Members.Count);
        _documents.WriteFailure = null;
        Assert.True(await SignsAtNextReadAsync(active));
    }

    // Once it is active it has all the patience that Orleans has.
    [Fact]
    public async Task ReadAll_OfAnActiveSilo_ShowsAnotherAsStaleAfterOrleansPatience()
    {
        var active = TableOf(1);
        await InsertAsync(active, Entry(1, SiloStatus.Active));
        await active.ReadAll();
        await InsertAsync(_stored, Entry(2, SiloStatus.Active, secondsAhead: -3_600));

        await active.ReadAll();
        _time.Advance(StaleAfter - SecondsLess);
        Assert.False(await IsStaleAsync(active, 2));
        await _stored.UpdateIAmAlive(Entry(2, SiloStatus.Active, secondsAhead: -3_500));
        _time.Advance(StaleAfter - SecondsLess);
        Assert.False(await IsStaleAsync(active, 2), "Its sign has moved.");
        _time.Advance(StaleAfter + SecondsLess);
        Assert.True(await IsStaleAsync(active, 2));
    }

    // Else a suspicion would look like a sign of life of the silo that is suspected.
    [Fact]
    public async Task UpdateRow_OfAnotherSilo_LeavesItsTimesAsItWroteThem()
    {
        var written = Entry(1, SiloStatus.Active, secondsAhead: -3_600);
        await InsertAsync(_stored, written);
        var joining = TableOf(2);
        await InsertAsync(joining, Entry(2, SiloStatus.Joining));
        var read = await joining.ReadAll();
        var (seen, eTag) = read.Members.Single(row => row.Item1.SiloAddress.Equals(written.SiloAddress));
        seen.Status = SiloStatus.Dead;
        Assert.True(await joining.UpdateRow(seen, eTag, read.Version.Next()));

        var stored = (await _stored.ReadRow(written.SiloAddress)).Members[0].Item1;
        Assert.Equal((SiloStatus.Dead, written.IAmAliveTime, written.StartTime), (stored.Status, stored.IAmAliveTime, stored.StartTime));
    }

    // Orleans looks at a table again only when its version or a sign of life is later than before.
    [Fact]
    public async Task ReadAll_OfASiloThatJoinsAlone_ShowsItsOwnSignLaterEachTime()
    {
        var joining = TableOf(1);
        await InsertAsync(joining, Entry(1, SiloStatus.Joining));
        var before = (await EntryAsync(joining, 1)).IAmAliveTime;
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True((await EntryAsync(joining, 1)).IAmAliveTime > before);
    }

    private OwnClockMembershipTable TableOf(int number, TimeProvider? time = null) =>
        new(_stored, Address(number), StaleAfter, JoinSilenceMax, time ?? _time);

    private static async Task InsertAsync(IMembershipTable table, MembershipEntry entry)
    {
        await table.InitializeMembershipTableAsync(tryInitTableVersion: true);
        Assert.True(await table.InsertRowAsync(entry, (await table.ReadAllAsync()).Version.Next()));
    }

    private async Task<bool> SignsAtNextReadAsync(OwnClockMembershipTable active)
    {
        var before = (await EntryAsync(_stored, 1)).IAmAliveTime;
        _time.Advance(TimeSpan.FromSeconds(1));
        await active.ReadAll();
        return (await EntryAsync(_stored, 1)).IAmAliveTime != before;
    }

    // As Orleans judges it: by the later of both times, against the reader's clock.
    private async Task<bool> IsStaleAsync(IMembershipTable table, int number)
    {
        var entry = await EntryAsync(table, number);
        var last = entry.IAmAliveTime > entry.StartTime ? entry.IAmAliveTime : entry.StartTime;
        return _time.GetUtcNow().UtcDateTime - last > StaleAfter;
    }

    private static async Task<MembershipEntry> EntryAsync(IMembershipTable table, int number) =>
        (await table.ReadAllAsync()).Members.Single(row => row.Item1.SiloAddress.Equals(Address(number))).Item1;

    private static SiloAddress Address(int number) => SiloAddress.New(new IPEndPoint(IPAddress.Parse($"10.0.0.{number}"), 11111), number);

    private MembershipEntry Entry(int number, SiloStatus status, int secondsAhead = 0) => new()
    {
        SiloAddress = Address(number),
        Status = status,
        ProxyPort = 30000 + number,
        HostName = "host",
        SiloName = $"silo{number}",
        StartTime = _time.GetUtcNow().UtcDateTime.AddSeconds(secondsAhead),
        IAmAliveTime = _time.GetUtcNow().UtcDateTime.AddSeconds(secondsAhead),
    };
}

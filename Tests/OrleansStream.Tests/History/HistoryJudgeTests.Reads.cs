using System.Diagnostics;

namespace OrleansStream.Tests.History;

/// <summary>What readers were told.</summary>
public sealed partial class HistoryJudgeTests
{
    [Fact]
    public void Judge_WhenAReadRecordIsGone_SaysSo()
    {
        Send(producer: 1, number: 0);
        Fetch(0, 1, 1, started: 1, ended: 2, Seen(0, 1, 0));

        AssertFinds("was read at", Judge());
    }

    [Theory]
    [InlineData(2, 0u)]
    [InlineData(1, 7u)]
    public void Judge_WhenAnOffsetShowedTwoRecords_SaysSo(int producer, uint content)
    {
        Send(producer: 1, number: 0);
        Send(producer: 2, number: 0);
        Fetch(0, 1, 1, started: 1, ended: 2, Seen(0, 1, 0));
        Fetch(0, 1, 1, started: 3, ended: 4, Seen(0, producer, 0) with { Content = content });

        AssertFinds("then", Judge((1, 0), (2, 0)));
    }

    [Fact]
    public void Judge_WhenAReadSkipsAnOffset_SaysSo()
    {
        Send(producer: 1, number: 0);
        Send(producer: 2, number: 0);
        Fetch(0, 2, 2, started: 1, ended: 2, Seen(1, 2, 0));

        AssertFinds("where 0 follows", Judge((1, 0), (2, 0)));
    }

    [Fact]
    public void Judge_WhenAReadAnswersToReadOnFurther_SaysSo()
    {
        Send(producer: 1, number: 0);
        Fetch(0, 1, 1, started: 1, ended: 2);

        AssertFinds("read on", Judge((1, 0)));
    }

    [Fact]
    public void Judge_WhenAReadGivesMoreThanIsDurable_SaysSo()
    {
        Send(producer: 1, number: 0);
        Fetch(0, 1, 0, started: 1, ended: 2, Seen(0, 1, 0));

        AssertFinds("above the high watermark", Judge((1, 0)));
    }

    [Theory]
    [InlineData(11, false, true)]
    [InlineData(9, false, false)]
    [InlineData(11, true, false)]
    [InlineData(100_000_000_000, true, true)]
    public void Judge_WhenALongPollMissesWhatWasAcked_SaysSo(long started, bool mayBeStale, bool expected)
    {
        Ack(producer: 1, number: 0, offset: 0, started: 0, ended: 10);
        Fetch(0, 0, 0, started, started + Stopwatch.Frequency);

        var findings = Judge(mayBeStale, (1, 0));
        Assert.Equal(expected, findings.Any(finding => finding.Contains("was given nothing", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1, false, true)]
    [InlineData(1, true, true)]
    [InlineData(2, true, true)]
    [InlineData(0, true, false)]
    public void Judge_WhenTheHighWatermarkWentBack_SaysSoUnlessOfAnOlderLeader(int epoch, bool mayBeStale, bool expected)
    {
        Send(producer: 1, number: 0);
        Send(producer: 1, number: 1);
        Describe(2, epoch: 1, started: 1, ended: 2);
        Describe(1, epoch, started: 3, ended: 4);

        var findings = Judge(mayBeStale, (1, 0), (1, 1));
        Assert.Equal(expected, findings.Any(finding => finding.Contains("went back", StringComparison.Ordinal)));
    }

    [Fact]
    public void Judge_WhenTwoAnswersOverlap_TakesThemInEitherOrder()
    {
        Send(producer: 1, number: 0);
        Describe(1, epoch: 1, started: 1, ended: 4);
        Describe(0, epoch: 1, started: 2, ended: 5);

        Assert.Empty(Judge((1, 0)));
    }
}

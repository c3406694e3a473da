using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Topics;

/// <summary>What is remembered of expressions that were matched, and for how long.</summary>
public sealed class TopicPatternsTests
{
    private readonly SteppingTime _time = new();
    private readonly TopicPatterns _patterns;

    public TopicPatternsTests()
    {
        var page = new CatalogPage([new CatalogEntry("clicks", Guid.NewGuid(), default), new CatalogEntry("goals", Guid.NewGuid(), default)], null);
        var catalog = Answering.By<ITopicCatalogGrain>((_, _) => Task.FromResult(page));
        _patterns = new TopicPatterns(AccessControl.Open, Answering.By<IGrainFactory>((_, _) => catalog), new LostReads(_time), _time);
    }

    [Fact]
    public async Task Match_ThatAPauseOfTheMachineMadeTooLong_IsTriedAgainSoon()
    {
        // The clock makes a long step between two looks.
        _time.Hold(TopicPatternLimits.MatchingMax * 2);
        Assert.Equal(StreamErrorCode.CoordinatorLoadInProgress, (await Assert.ThrowsAsync<StreamException>(MatchAsync)).Error.Code);
        // Not at once, and by then although the topics are the same.
        _time.Hold(TimeSpan.FromMilliseconds(1));
        Assert.Equal(StreamErrorCode.CoordinatorLoadInProgress, (await Assert.ThrowsAsync<StreamException>(MatchAsync)).Error.Code);
        _time.Advance(TopicPatternLimits.TooLongRememberedFor + TimeSpan.FromSeconds(30));
        await MatchAsync();
    }

    private async Task MatchAsync() =>
        Assert.Equal(["goals"], await _patterns.MatchAsync(Caller.Anonymous, "g.*", TestContext.Current.CancellationToken));
}

using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Topics;

/// <summary>What is remembered of expressions that were matched, and for how long.</summary>
public sealed class TopicPatternsTests : IDisposable
{
    private readonly SteppingTime _time = new();
    private readonly TopicPatterns _patterns;

    public TopicPatternsTests() => _patterns = NewPatterns(_time);

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

    [Fact]
    public void Remembered_AreNames_AndNoAutomata()
    {
        var held = new HashSet<Type>();
        Walk(typeof(TopicPatterns));
        Assert.DoesNotContain(typeof(TopicPattern), held);
        Assert.DoesNotContain(typeof(Regex), held);

        // What an object of the type may hold, by the types of its fields.
        void Walk(Type type)
        {
            foreach (var argument in type.GetGenericArguments())
                Walk(argument);
            if (!held.Add(type) || type.Namespace != typeof(TopicPatterns).Namespace)
                return;
            foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public))
                Walk(field.FieldType);
        }
    }

    [Fact]
    public async Task Match_WhileAnotherExpressionIsMatched_Waits()
    {
        var time = new HaltingTime();
        using var patterns = NewPatterns(time);
        await patterns.MatchAsync(Caller.Anonymous, "read the names", TestContext.Current.CancellationToken);
        // The first look is at the age of the names, the second begins to match.
        time.HaltAt(2);
        var first = Task.Run(async () => await patterns.MatchAsync(Caller.Anonymous, "g.*", TestContext.Current.CancellationToken));
        await time.Halted;
        var second = patterns.MatchAsync(Caller.Anonymous, "c.*", TestContext.Current.CancellationToken).AsTask();
        Assert.False(second.IsCompleted);
        time.GoOn();
        Assert.Equal(["goals"], await first);
        Assert.Equal(["clicks"], await second);
    }

    [Fact]
    public async Task Match_WhenTheCatalogueIsSilent_EndsInTime()
    {
        var (time, silent) = (new FakeTimeProvider(), new TaskCompletionSource<CatalogPage>());
        using var patterns = NewPatterns(time, silent.Task);
        var asking = patterns.MatchAsync(Caller.Anonymous, "g.*", TestContext.Current.CancellationToken).AsTask();
        Assert.False(asking.IsCompleted);
        time.Advance(TopicPatternLimits.NamesWaitMax);
        await Wait.UntilAsync("it ends", () => asking.IsCompleted);
        await Assert.ThrowsAsync<TimeoutException>(() => asking);
    }

    public void Dispose() => _patterns.Dispose();

    private async Task MatchAsync() =>
        Assert.Equal(["goals"], await _patterns.MatchAsync(Caller.Anonymous, "g.*", TestContext.Current.CancellationToken));

    private static TopicPatterns NewPatterns(TimeProvider time, Task<CatalogPage>? listing = null)
    {
        var page = new CatalogPage([new CatalogEntry("clicks", Guid.NewGuid(), default), new CatalogEntry("goals", Guid.NewGuid(), default)], null);
        var catalog = Answering.By<ITopicCatalogGrain>((_, _) => listing ?? Task.FromResult(page));
        return new TopicPatterns(AccessControl.Open, Answering.By<IGrainFactory>((_, _) => catalog), new LostReads(time), time);
    }

    /// <summary>A clock that stands still; whoever looks at it at a chosen time is halted.</summary>
    private sealed class HaltingTime : TimeProvider
    {
        private readonly TaskCompletionSource _halted = new(TaskCreationOptions.RunContinuationsAsynchronously), _goOn = new();
        private int _left;

        public Task Halted => _halted.Task;

        public override long GetTimestamp()
        {
            if (Interlocked.Decrement(ref _left) == 0)
            {
                _halted.SetResult();
                _goOn.Task.GetAwaiter().GetResult();
            }

            return 0;
        }

        public void HaltAt(int look) => Volatile.Write(ref _left, look);

        public void GoOn() => _goOn.SetResult();
    }
}

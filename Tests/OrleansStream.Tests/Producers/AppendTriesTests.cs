using System.Collections.Immutable;
using CsCheck;
using OrleansStream.Errors;
using OrleansStream.Gateway.Appending;
using OrleansStream.Partitions;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Producers;

/// <summary>What is sent again of a request, and what its answer says in the end.</summary>
public sealed class AppendTriesTests
{
    private static readonly TopicMetadata Topic = new("t", Guid.NewGuid(), 4, ImmutableSortedDictionary<string, string>.Empty, 1, default);
    private static readonly AppendIdentity Identity = new(ProducerId: 7, ProducerEpoch: 0, Topic, NowMs: 0, KeylessStart: 0, TimeoutMs: 20_000);

    private static StreamError Moving => new(StreamErrorCode.NotLeaderOrFollower, "moving");

    private static StreamError Lost => new(StreamErrorCode.RequestTimedOut, "lost") { OutcomeUnknown = true };

    private static StreamError Full => new(StreamErrorCode.ThrottlingQuotaExceeded, "full");

    private static StreamError Refused => new(StreamErrorCode.InvalidRecord, "refused");

    [Fact]
    public void Take_OfAnAnswerInPart_HasTheOpenPartsSentAgainAndKeepsTheOthers()
    {
        var tries = new AppendTries(Identity);
        Assert.Null(tries.Next(20_000)!.SettledParts);
        Assert.True(tries.Take(Answer((0, null), (1, Moving), (2, Refused))));

        var next = tries.Next(15_000)!;
        Assert.Equal((true, 15_000, 3), (next.IsRepeat, next.TimeoutMs, next.SettledParts!.Value.Length));
        Assert.Equal([new StoredPart(100, -1, null), null, new StoredPart(-1, -1, Refused)], next.SettledParts.Value);

        // What the next answer says of settled parts does not matter.
        Assert.False(tries.Take(Answer((0, Lost), (1, null), (2, null))));
        var answer = tries.Answer();
        Assert.Equal([null, null, Refused], answer.Parts.Select(part => part.Response.Error));
        Assert.Equal([100, 101, -1], answer.Parts.Select(part => part.BaseOffset));
    }

    // Else they would overtake it.
    [Fact]
    public void Take_OfAPartThatIsOpen_HasAllBehindItInItsPartitionSentAgain()
    {
        var tries = new AppendTries(Identity);
        tries.Next(20_000);
        Assert.True(tries.Take(
            Answer((0, null), (1, Lost), (0, null), (1, Lost with { OutcomeUnknown = false }), (1, Lost with { OutcomeUnknown = false }))));
        Assert.Equal([false, true, false, true, true], tries.Next(15_000)!.SettledParts!.Value.Select(part => part is null));
    }

    [Fact]
    public void Answer_WhereAnEarlierTryMayHaveStoredWhatTheLastRefused_SaysSoOfThatPartAlone()
    {
        var tries = new AppendTries(Identity);
        tries.Next(20_000);
        Assert.True(tries.Take(Answer((0, Lost), (1, Moving))));
        Assert.False(tries.Take(Answer((0, Refused), (1, Refused))));
        Assert.Equal([true, false], tries.Answer().Parts.Select(part => part.Response.Error!.OutcomeUnknown));
        Assert.False(tries.IsMemoryFree);

        tries = new AppendTries(Identity);
        tries.Next(20_000);
        Assert.True(tries.TakeLoss());
        Assert.False(tries.Take(Answer((0, null), (1, Refused))));
        Assert.Equal([null, true], tries.Answer().Parts.Select(part => part.Response.Error?.OutcomeUnknown));
    }

    // Its offset is no longer known, but what became of it is.
    [Fact]
    public void Answer_WhereAnEarlierTryHasStoredAPart_IsNotInDoubtOfIt()
    {
        var duplicate = new StreamError(StreamErrorCode.DuplicateSequenceNumber, "stored before");
        var tries = new AppendTries(Identity);
        tries.Next(20_000);
        Assert.True(tries.TakeLoss());
        Assert.False(tries.Take(Answer((0, duplicate), (0, null), (1, Refused))));
        Assert.Equal([duplicate, null, Refused with { OutcomeUnknown = true }], tries.Answer().Parts.Select(part => part.Response.Error));
    }

    [Fact]
    public void Take_OfARefusalOfAll_KeepsWhatIsStored()
    {
        var tries = new AppendTries(Identity);
        tries.Next(20_000);
        Assert.True(tries.Take(Answer((0, null), (1, Moving))));
        Assert.True(tries.Take(new RecordsAppendResponse([], default, Moving)));
        Assert.Equal([false, true], tries.Next(15_000)!.SettledParts!.Value.Select(part => part is null));
        Assert.False(tries.Take(new RecordsAppendResponse([], default, Refused)));
        Assert.Equal([null, Refused], tries.Answer().Parts.Select(part => part.Response.Error));
    }

    // A server without room says so before it stores anything of this try, and cannot know of the tries before.
    [Theory]
    [InlineData("first", false)]
    [InlineData("resumed", true)]
    [InlineData("lost", true)]
    [InlineData("in doubt", true)]
    [InlineData("the other in doubt", false)]
    public void Take_OfThereBeingNoRoom_HasItSentAgainAndLeavesItOpenOnlyWhereSomethingIsInDoubt(string before, bool isInDoubt)
    {
        // A request with a key is partitioned as it was remembered, also in its first try.
        var tries = new AppendTries(Identity with { IsRepeat = true }, isResumed: before == "resumed");
        tries.Next(20_000);
        if (before == "lost")
            Assert.True(tries.TakeLoss());
        else if (before == "in doubt")
            Assert.True(tries.Take(Answer((0, Lost), (1, null))));
        else if (before == "the other in doubt")
            Assert.True(tries.Take(Answer((0, Lost), (1, Moving))) && tries.Take(Answer((0, null), (1, Moving))));
        if (before != "first")
            tries.Next(15_000);

        Assert.Equal(isInDoubt, tries.Take(new RecordsAppendResponse([], default, Full)));

        var answer = tries.Answer();
        var errors = answer.Error is { } error ? [error] : answer.Parts.Select(part => part.Response.Error).OfType<StreamError>();
        Assert.Equal(Full with { OutcomeUnknown = isInDoubt }, Assert.Single(errors));
    }

    [Fact]
    public void TakeLoss_WithoutATopicToPlanBy_LeavesNothingInDoubt()
    {
        var tries = new AppendTries(Identity with { Topic = null });
        tries.Next(20_000);
        Assert.True(tries.TakeLoss());
        Assert.Equal((StreamErrorCode.NotLeaderOrFollower, false), (tries.Answer().Error!.Code, tries.Answer().Error!.OutcomeUnknown));
        Assert.False(tries.Next(15_000)!.IsRepeat);
        tries.PartitionBy(Topic);
        Assert.True(tries.TakeLoss());
        Assert.Equal((StreamErrorCode.RequestTimedOut, true), (tries.Answer().Error!.Code, tries.Answer().Error!.OutcomeUnknown));
        Assert.True(tries.Next(15_000)!.IsRepeat);
    }

    // Nobody could tell a repeat of what is stored.
    [Fact]
    public void Take_WithoutAnIdentity_HasItSentAgainOnlyWhenNothingIsStored()
    {
        var tries = new AppendTries(identity: null);
        Assert.Null(tries.Next(1_000));
        Assert.True(tries.Take(Answer((0, Moving), (1, Moving))));
        Assert.False(tries.Take(Answer((0, Moving), (1, null))));
        Assert.False(tries.Take(Answer((0, Moving), (1, Lost))));
        Assert.False(tries.Take(Answer((0, Moving)) with { HasStrays = true }));
        Assert.False(tries.TakeLoss());
    }

    // Whatever the answers: no part is sent again that is stored, none is forgotten that is not, and the order of each partition stays.
    [Fact]
    public void Tries_OfAnyAnswers_StoreEachPartOnceInItsOrder() => Gen.Select(
        Gen.Int[0, 2].Array[1, 6], Gen.Int[0, 3].Array[40]).Sample((partitions, fates) =>
    {
        var stored = new List<int>();
        var known = new HashSet<int>();
        var tries = new AppendTries(Identity);
        var fate = 0;
        var isOver = false;
        for (var attempt = 0; attempt < 6 && !isOver; attempt++)
        {
            var settled = tries.Next(1_000)!.SettledParts;
            var failed = new Dictionary<int, StreamError>();
            var parts = new (int, StreamError?)[partitions.Length];
            for (var i = 0; i < partitions.Length; i++)
            {
                if (settled is { } before && before[i] is { } part)
                {
                    parts[i] = (partitions[i], part.Error);
                    continue;
                }

                if (failed.TryGetValue(partitions[i], out var ahead))
                {
                    parts[i] = (partitions[i], ahead with { OutcomeUnknown = false });
                    continue;
                }

                // 0: moving, 1: stored and the reply lost, else stored.
                var what = fates[fate++ % fates.Length];
                if (what > 0 && known.Add(i))
                    stored.Add(i);
                var error = what == 0 ? Moving : what == 1 ? Lost : null;
                if (error is not null)
                    failed[partitions[i]] = error;
                parts[i] = (partitions[i], error);
            }

            isOver = !tries.Take(Answer(parts));
        }

        var answer = tries.Answer();
        foreach (var partition in partitions.Distinct())
            Assert.Equal(stored.Where(i => partitions[i] == partition).Order(), stored.Where(i => partitions[i] == partition));
        for (var i = 0; i < partitions.Length; i++)
        {
            if (answer.Parts[i].Response.Error is not { } error)
                Assert.Contains(i, stored);
            else if (!error.OutcomeUnknown)
                Assert.DoesNotContain(i, stored);
            if (isOver)
                Assert.Null(answer.Parts[i].Response.Error);
        }
    }, iter: 2_000);

    private static RecordsAppendResponse Answer(params (int Partition, StreamError? Error)[] parts) => new(
        [.. parts.Select((part, i) => new AppendPart(part.Partition, 1, new AppendResponse(part.Error, part.Error is null ? 100 + i : -1, -1, 0)))],
        default);
}

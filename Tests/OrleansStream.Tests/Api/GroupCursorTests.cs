using CsCheck;
using OrleansStream.Errors;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

[Collection(ApiTests.Name)]
public class GroupCursorTests(ApiFixture api)
{
    private static readonly Guid[] Topics = [Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid()];

    private static readonly Gen<PartitionOffset> Offset =
        Gen.Select(OneOf(Topics), OneOf(0, 1, 5, 1023, 1024, -1, int.MaxValue, int.MinValue), OneOf(0L, 1, 300, long.MaxValue, -1, long.MinValue))
            .Select((topic, partition, offset) => new PartitionOffset(topic, partition, offset));

    private static readonly Gen<HeldOffset> Held =
        Gen.Select(OneOf(0L, 1, 17, long.MaxValue, -1), OneOf<int?>(null, 0, -5), OneOf(0, 1, 20, 21, -1, int.MaxValue))
            .Select((offset, key, attempt) => new HeldOffset(offset, key, attempt, DueMs: 0));

    private static readonly Gen<PartitionHolds> Holds =
        Gen.Select(Offset, Held.Array[0, 3], Held.Array[0, 3]).Select(
            (place, done, waiting) => new PartitionHolds(place.TopicId, place.Partition, [.. done], [], [.. waiting]));

    [Fact]
    public void Read_OfWhatSomebodyMade_TakesWhatAnAnswerCouldTellAndNothingElse() =>
        Gen.Select(OneOf(0L, 1, long.MaxValue, -1), Offset.Array[0, 4], Holds.Array[0, 2]).Sample((epoch, offsets, holds) =>
        {
            PartitionOffset[] ordered = [.. offsets.GroupBy(offset => offset.TopicId).SelectMany(topic => topic)];
            var text = new GroupCursor(new MemberToken(Guid.NewGuid(), epoch), ordered) { Holds = holds }.Write("g", "m");
            if (!IsPossible(epoch, ordered, holds))
            {
                Assert.Equal("cursor", Assert.Throws<StreamException>(() => GroupCursor.Read(text, "g", "m")).Error.Field);
                return;
            }

            var read = GroupCursor.Read(text, "g", "m");
            Assert.Equal(ordered, read.Offsets);
            Assert.Equal(holds.Length, read.Holds.Count);
        }, iter: 20_000);

    [Fact]
    public async Task Poll_WithAForgedCursor_IsRefusedByName()
    {
        var topic = await api.CreateTopicAsync();
        var answer = await api.PostAsync($"/v1/groups/{topic}/members/m/poll", $$"""{"topics":["{{topic}}"]}""");
        var given = GroupCursor.Read((string)answer["cursor"]!, topic, "m");
        PartitionOffset[] twice = [.. given.Offsets, .. given.Offsets];
        Assert.Equal(2, twice.Length);
        foreach (var forged in new[] { given with { Offsets = twice }, given with { Offsets = [given.Offsets[0] with { Partition = -1 }] } })
        {
            var body = $$"""{"topics":["{{topic}}"],"cursor":"{{forged.Write(topic, "m")}}"}""";
            Assert.Equal("cursor", (string?)(await api.PostAsync($"/v1/groups/{topic}/members/m/poll", body, 400))["field"]);
        }
    }

    private static bool IsPossible(long epoch, PartitionOffset[] offsets, PartitionHolds[] holds) =>
        epoch >= 0
        && offsets.All(offset => offset is { Partition: >= 0 and < 1024, Offset: >= 0 })
        && offsets.DistinctBy(offset => (offset.TopicId, offset.Partition)).Count() == offsets.Length
        && holds.All(one => one.Partition is >= 0 and < 1024)
        && holds.DistinctBy(one => (one.TopicId, one.Partition)).Count() == holds.Length
        && holds.SelectMany(one => new[] { one.Done, one.Waiting }).All(list =>
            list.All(held => held is { Offset: >= 0, Attempt: >= 0 and <= 20 }) && list.DistinctBy(held => held.Offset).Count() == list.Length);

    private static Gen<T> OneOf<T>(params T[] choices) => Gen.Int[0, choices.Length - 1].Select(i => choices[i]);
}

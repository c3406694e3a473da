using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using OrleansStream.Groups;
using OrleansStream.Groups.State;
using OrleansStream.Persistence;
using OrleansStream.Producers;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Persistence;

/// <summary>What is written of each kind of state is read back, whole.</summary>
public sealed class StateSerializerTests
{
    private static readonly Guid Id = Guid.Parse("3f0e8c52-8f9b-4f7a-9a57-1d2c3b4a5e6f");
    private static readonly DateTimeOffset At = new(2026, 11, 29, 7, 46, 19, 123, TimeSpan.Zero);

    private static readonly TopicMetadata Topic = new(
        "матч.№1", Id, 6, ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal)
            .Add("retention.ms", "-1").Add("cleanup.policy", "delete"), 7, At)
    {
        ReplicationFactor = 3,
    };

    private static readonly PartitionSet Partitions = PartitionSet.Of(
        [new TopicPartition(Id, 0), new TopicPartition(Id, 1), new TopicPartition(Id, 5), new TopicPartition(Guid.Empty, 2)]);

    private static readonly ImmutableArray<CommittedOffset> Offsets =
        [new CommittedOffset(Id, 1, long.MaxValue, "за \"x\"", 1_700_000_000_000), new CommittedOffset(Id, 2, 0, "", 1)];

    private static readonly ImmutableArray<RedriveTopic> Stretches = [new RedriveTopic("a.dead", Id, 5, 9)];

    private static readonly ImmutableArray<GroupEvent> Events =
    [
        new GroupCreated(Id, 3, 4, 1_700_000_000_000),
        new TopicsChanged([new GroupTopic("a", Id, 6) { NewFrom = 4 }, new GroupTopic("b", Guid.Empty, 1)], 5),
        new MemberJoined("m1", 1, 1, ["a", "b"], 10_000, "range", 6),
        new MemberJoined("m2", 2, 2, ["a"], 10_000, null, 7),
        new MemberRestarted("m1", 8),
        new MemberChanged("m2", ["b"], 9_000, "sticky", 9),
        new MemberLeft("m2", 1_700_000_000_001, 10),
        new TargetAssigned(11, [new MemberTarget("m1", Partitions), new MemberTarget("m3", PartitionSet.Empty)]),
        new AssignmentChanged("m1", 12, Partitions),
        new OffsetsCommitted(Offsets),
        new OffsetsReset(Offsets),
        new OffsetsRemoved(Partitions),
        new RetryChanged(new RetryPolicy("g", 4, [1_000, 10_000], 0.25, InPlace: true, "dead"), 13),
        new RedriveChanged(new Redrive(new RedriveWish("a", "k", "r"), 1, 2, 3, 4, Stretches)
        {
            GoneCount = 5, Reasons = [new RedriveReason("r", 6, "d"), new RedriveReason("s", 7, null)], Left = Stretches,
        }),
        new HoldsChanged(new TopicPartition(Id, 3), [new HeldRecord(1, 2, 3, 4), new HeldRecord(5, null, 6, 7)]),
        new ClassicChanged(
            new ClassicGeneration(
                14, ClassicPhase.Stable, "consumer", "range", "m4",
                [new ClassicMember("m4", "i", "c", "/127.0.0.1", 45_000, 300_000, [new ClassicProtocol("range", new byte[] { 0, 1, 255 })], new byte[] { 2 })]),
            1_700_000_000_002),
        new GroupDeleted(),
    ];

    private static readonly object[] States =
    [
        new TopicState { Topic = Topic },
        new CatalogState
        {
            Topics = CatalogState.NoTopics.Add("b", Topic with { Name = "b" }).Add("A", Topic with { Name = "A" }),
            Deleted = [new DeletedTopic("c", Id, 2) { FreedAt = At }, new DeletedTopic("d", Guid.Empty, 1)],
        },
        new GroupDocument { Events = Events },
        new GroupCatalogState { Groups = GroupCatalogState.NoGroups.Add("b", At).Add("A", At.AddTicks(1)) },
        new ProducerIdState { NextId = long.MaxValue },
        new ProducerRegisterState
        {
            Producers = new() { [long.MaxValue] = new RegisteredProducer(short.MaxValue, At, "key"), [1] = new RegisteredProducer(0, At) },
        },
    ];

    public static TheoryData<string> Kinds => [.. States.Select(state => state.GetType().Name)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Deserialize_OfWhatWasSerialized_IsTheSame(string kind)
    {
        object state = Array.Find(States, state => state.GetType().Name == kind)!;
        typeof(StateSerializerTests).GetMethod(nameof(AssertReadBack), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(state.GetType()).Invoke(null, [state]);
    }

    // A kind that is added comes here, too.
    [Fact]
    public void Kinds_AreAllThatGrainsKeep()
    {
        var kept = typeof(DocumentGrainStorage).Assembly.GetTypes()
            .Where(type => type.IsAssignableTo(typeof(IGrainBase)))
            .SelectMany(type => type.GetConstructors().SelectMany(constructor => constructor.GetParameters()))
            .Where(parameter => parameter.GetCustomAttribute<PersistentStateAttribute>() is not null)
            .Select(parameter => parameter.ParameterType.GetGenericArguments()[0]);
        Assert.Equal(
            kept.Select(type => type.Name).Distinct().Order(StringComparer.Ordinal),
            States.Select(state => state.GetType().Name).Order(StringComparer.Ordinal));
        Assert.Equal(
            typeof(GroupEvent).GetCustomAttributes<JsonDerivedTypeAttribute>().Select(derived => derived.DerivedType).ToHashSet(),
            Events.Select(change => change.GetType()).ToHashSet());
    }

    private static void AssertReadBack<T>(T state)
    {
        var serializer = new StateSerializer();
        var document = new StateDocument<T>(StateDocument.FormatVersion, "topic/матч", Exists: true, state, "w1");
        var read = serializer.Deserialize<StateDocument<T>>(serializer.Serialize(document));
        Assert.Equivalent(document, read, strict: true);
        Assert.Equal(JsonSerializer.Serialize(document, StateDocument.Json), JsonSerializer.Serialize(read, StateDocument.Json));
    }
}

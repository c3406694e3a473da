using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Handlers;
using OrleansStream.Records;
using OrleansStream.Storage;
using OrleansStream.Storage.Files;
using OrleansStream.Storage.Files.Disk;
using OrleansStream.Tests.Kafka;
using OrleansStream.Tests.Storage;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Architecture;

/// <summary>README lists the files that a record passes. The list is true: by the stacks of running appends, and by which type names which.</summary>
public sealed partial class RecordWayTests : IAsyncLifetime
{
    private const string Heading = "## The way of a record";
    private const int FilesMax = 10;
    private const string RestDoor = "Rest/Produce/ProduceEndpoints";
    private const string KafkaDoor = "Kafka/Handlers/ProduceHandler";
    private const string KafkaOrder = "Gateway/Appending/OrderedAppends";

    private readonly ScratchFolder _scratch = new();
    private readonly FaultyFileOperations _files = new();
    private readonly ConcurrentQueue<Type[]> _toStore = new();
    private readonly ConcurrentQueue<Type[]> _toDisk = new();
    private readonly DataFolder _folder;
    private readonly ApiFixture _api;

    public RecordWayTests()
    {
        _folder = DataFolder.Open(_scratch.Path, _files);
        _files.OnCall = call =>
        {
            if (call is { Kind: FileCallKind.Write, IsMarker: false })
                _toDisk.Enqueue(TypesOnTheStack());
            return null;
        };
        var segments = DispatchProxy.Create<ISegmentStore, WatchedStore>();
        ((WatchedStore)segments).Inner = _folder.Segments;
        ((WatchedStore)segments).OnAppend = () => _toStore.Enqueue(TypesOnTheStack());
        _api = new ApiFixture(TimeProvider.System, services => services.AddSingleton(segments).Configure<KafkaOptions>(kafka =>
        {
            kafka.Enabled = true;
            kafka.Listen = KafkaFixture.AnyPort;
        }));
    }

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        _folder.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public async Task Readme_OfARecordOverHttp_ListsEachFileThatItPasses()
    {
        var topic = await _api.CreateTopicAsync();

        await CheckAsync(RestDoor, () => _api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":1}]}"""));
    }

    [Fact]
    public async Task Readme_OfARecordOfAKafkaClient_ListsEachFileThatItPasses()
    {
        var topic = await _api.CreateTopicAsync();
        using var socket = await KafkaSocket.OpenAsync(_api.Part<LocalBroker>().Port);
        var batch = TestBatch.Make(new RecordBatchOptions(), [(Batches.NowMs, "a")]);

        await CheckAsync(KafkaDoor, () => socket.ProduceAsync(topic, batch));
    }

    [Theory]
    [InlineData(RestDoor)]
    [InlineData(KafkaDoor)]
    public void Readme_ListsFewFiles(string door) => Assert.InRange(WayFrom(door).Length, 1, FilesMax);

    // A short method may be compiled into its caller, and is then on no stack. So the list is also compared with what the code names.
    [Theory]
    [InlineData(RestDoor)]
    [InlineData(KafkaDoor)]
    public void Readme_ListsNoFileThatTheOneBeforeItDoesNotName(string door)
    {
        var way = WayFrom(door).Select(TypeOf).ToArray();

        Assert.Empty(way.Zip(way.Skip(1)).Where(pair => !Names(pair.First, pair.Second))
            .Select(pair => $"{pair.First.Name} does not name {pair.Second.Name}"));
    }

    private async Task CheckAsync(string door, Func<Task> append)
    {
        var way = WayFrom(door);
        string[]? passed = null;
        // A first append waits for much that later ones find at hand. Whatever waits begins a stack of its own.
        for (var i = 0; i < 100 && passed is null; i++)
        {
            _toStore.Clear();
            await append();
            passed = _toStore.Select(stack => UpTo(door, stack)).FirstOrDefault(stack => stack is not null);
        }

        Assert.NotNull(passed);
        // The caller's own thread may be the one that writes: then what is before the door is on its stack, too.
        var toDisk = _toDisk.Last();
        var all = passed.Concat(UpTo(door, toDisk) ?? toDisk.Reverse().Select(NameOf)).Distinct().ToArray();
        Assert.Equal(way.Where(all.Contains), all);
        Assert.True(all.Length > way.Length / 2, "The stacks were not found.");
    }

    /// <summary>The way from a door to the end of a stack; null when the door is not on it.</summary>
    private static string[]? UpTo(string door, Type[] stack)
    {
        string[] names = [.. stack.Select(NameOf)];
        return names.Contains(door) ? [.. names[..(Array.IndexOf(names, door) + 1)].Reverse()] : null;
    }

    /// <summary>The files of the list, without the steps of the other door.</summary>
    private static string[] WayFrom(string door) =>
        [.. Listed().Where(name => name == door || name is not (RestDoor or KafkaDoor)).Where(name => door == KafkaDoor || name != KafkaOrder)];

    private static string[] Listed() =>
    [
        .. File.ReadLines(Repository.PathOf("README.md"))
            .SkipWhile(line => line != Heading).Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => Step().IsMatch(line))
            .SelectMany(line => FileLink().Matches(line)).Select(match => match.Groups[1].Value),
    ];

    /// <summary>
    /// The types of the service on this thread's stack, innermost first. The threads of the disk run whatever they are given, so they are no step.
    /// </summary>
    private static Type[] TypesOnTheStack() =>
    [
        .. new StackTrace().GetFrames().Select(frame => frame.GetMethod()?.DeclaringType).OfType<Type>().Select(Outermost)
            .Where(type => type.Assembly != typeof(RecordWayTests).Assembly && IsOurs(type))
            .Where(type => type.Namespace != typeof(FileLanes).Namespace),
    ];

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    private static string NameOf(Type type) => $"{FolderGraph.FolderOf(type)}/{type.Name}";

    private static Type TypeOf(string name) => Assert.Single(
        new[] { typeof(RecordBatchHeader), typeof(DataFolder), typeof(Gateway.GatewayHosting), typeof(Rest.RestHosting), typeof(ProduceHandler) }
            .SelectMany(one => one.Assembly.GetTypes()),
        type => type is { DeclaringType: null, Namespace: not null } && NameOf(type) == name);

    private static bool Names(Type from, Type to)
    {
        var named = WithNested(from).SelectMany(TypeReferences.Of).ToHashSet();
        return named.Contains(to) || to.GetInterfaces().Any(one => IsOurs(one) && named.Contains(one));
    }

    private static bool IsOurs(Type type) => type.Namespace?.StartsWith("OrleansStream", StringComparison.Ordinal) == true;

    private static IEnumerable<Type> WithNested(Type type) =>
        type.GetNestedTypes(BindingFlags.Public | BindingFlags.NonPublic).SelectMany(WithNested).Prepend(type);

    [GeneratedRegex(@"^(\d+\.|  ) ")]
    private static partial Regex Step();

    [GeneratedRegex(@"\]\((?:Api/)?([\w./]+?)(?:\.[A-Z]\w*)?\.cs\)")]
    private static partial Regex FileLink();

    /// <summary>A segment store that tells of each append before it is made.</summary>
    public class WatchedStore : DispatchProxy
    {
        internal ISegmentStore Inner { get; set; } = null!;

        internal Action OnAppend { get; set; } = null!;

        /// <inheritdoc/>
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            if (targetMethod!.Name is nameof(ISegmentStore.AppendAsync) or nameof(ISegmentStore.AppendHereAsync))
                OnAppend();
            return targetMethod.Invoke(Inner, args);
        }
    }
}

using System.Text;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using OrleansStream.Persistence;
using OrleansStream.Storage;
using OrleansStream.Storage.Files;
using OrleansStream.Storage.Memory;

using State = Orleans.GrainState<OrleansStream.Tests.Persistence.DocumentGrainStorageConformance.Payload>;

namespace OrleansStream.Tests.Persistence;

/// <summary>
/// What Orleans expects of grain storage, and what the grains do: over any document store, and over an account by Orleans' own package.
/// </summary>
public abstract class DocumentGrainStorageConformance : IDisposable
{
    protected static readonly IActivatorProvider Activators =
        new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<IActivatorProvider>();

    private readonly GrainId _grain = GrainId.Create("topic", "матч/№1..A");

    protected abstract IDocumentStore Documents { get; }

    [Fact]
    public async Task ReadState_WhenThereIsNone_IsAnEmptyStateWithoutETag()
    {
        var state = new State { ETag = "old", RecordExists = true, State = new Payload("old", 1) };
        await Storage().ReadStateAsync("s", _grain, state);

        Assert.False(state.RecordExists);
        Assert.Null(state.ETag);
        Assert.Equal(new Payload(), state.State);
    }

    [Fact]
    public async Task ReadState_WhenItWasWritten_IsWhatWasWritten()
    {
        var written = await WriteAsync(Storage(), new Payload("Größe \"x\"", 7));
        var read = await ReadAsync(Storage());

        Assert.True(written.RecordExists);
        Assert.Equal(written.ETag, read.ETag);
        Assert.Equal(new Payload("Größe \"x\"", 7), read.State);
    }

    [Fact]
    public async Task WriteState_WhenSomebodyWroteBefore_Throws()
    {
        var first = await WriteAsync(Storage(), new Payload("a", 1));
        var second = await ReadAsync(Storage());
        await Storage().WriteStateAsync("s", _grain, second);

        var exception = await Assert.ThrowsAsync<InconsistentStateException>(() => Storage().WriteStateAsync("s", _grain, first));

        Assert.Equal(second.ETag, exception.StoredEtag);
        Assert.Equal(first.ETag, exception.CurrentEtag);
        Assert.Equal(second.ETag, (await ReadAsync(Storage())).ETag);
    }

    [Fact]
    public async Task WriteState_WhenETagIsNullAndThereIsAState_Throws()
    {
        await WriteAsync(Storage(), new Payload("a", 1));
        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(Storage(), new Payload("b", 2)));
        Assert.Equal("a", (await ReadAsync(Storage())).State!.Name);
    }

    [Fact]
    public async Task WriteState_WhenManyWriteAtOnce_LetsOneThrough()
    {
        var written = 0;
        await Parallel.ForAsync(0, 20, async (i, _) =>
        {
            try
            {
                await WriteAsync(Storage(), new Payload($"{i}", i));
                Interlocked.Increment(ref written);
            }
            catch (InconsistentStateException)
            {
                // The other nineteen.
            }
        });

        Assert.Equal(1, written);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ClearState_WhenThereIsOne_LeavesNoneAndItCanBeWrittenAgain(bool delete)
    {
        var storage = Storage(delete);
        var state = await WriteAsync(storage, new Payload("a", 1));
        var staleETag = state.ETag;
        await storage.ClearStateAsync("s", _grain, state);

        Assert.False(state.RecordExists);
        Assert.Equal(new Payload(), state.State);
        Assert.Equal(delete, state.ETag is null);
        var read = await ReadAsync(storage);
        Assert.False(read.RecordExists);
        Assert.Equal(state.ETag, read.ETag);
        await Assert.ThrowsAsync<InconsistentStateException>(
            () => storage.WriteStateAsync("s", _grain, new State { ETag = staleETag, State = new Payload("b", 2) }));

        state.State = new Payload("c", 3);
        await storage.WriteStateAsync("s", _grain, state);
        Assert.Equal("c", (await ReadAsync(storage)).State!.Name);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ClearState_WhenETagIsStale_ThrowsAndLeavesTheState(bool delete)
    {
        var storage = Storage(delete);
        var stale = await WriteAsync(storage, new Payload("a", 1));
        await storage.WriteStateAsync("s", _grain, await ReadAsync(storage));

        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("s", _grain, stale));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("s", _grain, new State()));
        Assert.True((await ReadAsync(storage)).RecordExists);
    }

    [Fact]
    public async Task ReadState_WhenStateTypeKeyOrServiceDiffer_FindsNothing()
    {
        await WriteAsync(Storage(), new Payload("a", 1));
        foreach (var (service, name, grain) in new[]
        {
            ("other", "s", _grain), ("service", "t", _grain), ("service", "s", GrainId.Create("other", _grain.Key.ToString()!)),
            ("service", "s", GrainId.Create("topic", "матч/№1..a")),
        })
        {
            var state = new State();
            await Storage(service: service).ReadStateAsync(name, grain, state);
            Assert.False(state.RecordExists);
        }
    }

    [Fact]
    public async Task WriteState_WhenKeyIsVeryLong_KeepsKeysApart()
    {
        GrainId[] grains = [.. "ab".Select(last => GrainId.Create("topic", new string('Ж', 300) + last))];
        foreach (var grain in grains)
            await Storage().WriteStateAsync("s", grain, new State { State = new Payload(grain.ToString(), 1) });
        foreach (var grain in grains)
        {
            var state = new State();
            await Storage().ReadStateAsync("s", grain, state);
            Assert.Equal(grain.ToString(), state.State!.Name);
        }
    }

    // What is not escaped in a URL, what a path has a meaning for, what a person cannot tell apart; then anything.
    [Fact]
    public async Task WriteState_WhenNamesHaveAnyLetter_KeepsStatesApart()
    {
        string[] strange =
        [
            "a/b", "a//b", "a?b", "a#b", "a%2Fb", "a%b", "a b", "a+b", "a\\b", ".", "..", "a/../b", "a.", "a.json", "-", "--", "a-b", "A-b", "é", "e\u0301",
            "a\u0000b", "a\nb", "☃", "\ud83c\udfc6", new('/', 300), new('x', 999), "x" + new string('y', 998),
        ];
        var random = Gen.String[1, 300].Array[20].Single();
        string[] names = [.. strange.Concat(random.Select(name => string.Concat(name.EnumerateRunes()))).Distinct(StringComparer.Ordinal)];
        (string Service, string State, GrainId Grain)[] places =
        [
            .. names.Select(name => ("service", "s", GrainId.Create("topic", "k" + name))),
            .. names.Select(name => (name, "s", _grain)),
            .. names.Select(name => ("service", name, _grain)).Where(place => place.name != "s"),
        ];
        await Parallel.ForEachAsync(places, async (place, _) => await Storage(service: place.Service).WriteStateAsync(
            place.State, place.Grain, new State { State = new Payload(place.ToString(), 1) }));
        await Parallel.ForEachAsync(places, async (place, _) =>
        {
            var state = new State();
            await Storage(service: place.Service).ReadStateAsync(place.State, place.Grain, state);
            Assert.Equal(place.ToString(), state.State!.Name);
        });
    }

    [Fact]
    public async Task ReadState_WhenTheDocumentIsNoState_ThrowsAndDoesNotTakeItForMissing()
    {
        var name = StateDocumentName.Of("service", "s", _grain);
        string? eTag = null;
        foreach (var content in new[] { "{\"version\":9}", "{\"version\":1,\"state\":[", "null", "[]", "" })
        {
            eTag = await Documents.WriteAsync(name, Encoding.UTF8.GetBytes(content), eTag);
            await Assert.ThrowsAsync<CorruptDocumentException>(() => ReadAsync(Storage()));
        }
    }

    public virtual void Dispose() => GC.SuppressFinalize(this);

    /// <summary>The storage, over what <see cref="Documents"/> shows.</summary>
    private protected virtual IGrainStorage Open(IOptions<ClusterOptions> cluster, DocumentGrainStorageOptions options) =>
        new DocumentGrainStorage(Documents, cluster, options, Activators);

    private IGrainStorage Storage(bool delete = true, string service = "service") => Open(
        Options.Create(new ClusterOptions { ServiceId = service }), new DocumentGrainStorageOptions { DeleteStateOnClear = delete });

    private async Task<State> WriteAsync(IGrainStorage storage, Payload payload)
    {
        var state = new State { State = payload };
        await storage.WriteStateAsync("s", _grain, state);
        return state;
    }

    private async Task<State> ReadAsync(IGrainStorage storage)
    {
        var state = new State();
        await storage.ReadStateAsync("s", _grain, state);
        return state;
    }

    public sealed record Payload(string? Name, int Number)
    {
        public Payload() : this(null, 0)
        {
        }
    }
}

public sealed class MemoryGrainStorageTests : DocumentGrainStorageConformance
{
    protected override IDocumentStore Documents { get; } = new MemoryDocumentStore();
}

public sealed class FileGrainStorageTests : DocumentGrainStorageConformance
{
    private readonly string _path = Directory.CreateTempSubdirectory("orleansstream-").FullName;
    private readonly DataFolder _folder;

    public FileGrainStorageTests() => _folder = DataFolder.Open(_path);

    protected override IDocumentStore Documents => _folder.Documents;

    public override void Dispose()
    {
        _folder.Dispose();
        Directory.Delete(_path, recursive: true);
        base.Dispose();
    }
}

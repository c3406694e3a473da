using System.Text;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Storage;

/// <summary>What every segment store must do, as its contract says it.</summary>
public abstract class SegmentStoreConformance : IAsyncLifetime
{
    // A store may be shared with other tests, so each names its own.
    private readonly string _scope = Guid.NewGuid().ToString("N");

    protected ISegmentStore Store { get; private set; } = null!;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> InvalidNames { get; } =
    [
        "", "/", "a/", "/a", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a b", "a_b", "a~b", "a\\b", "a:b", "ä", "a\0",
        new string('a', 201), string.Join('/', Enumerable.Repeat(new string('a', 100), 6)),
    ];

    public static TheoryData<string> ValidNames { get; } =
    [
        "a", "A.b-9", "...", ".a", "a..b", "0/1/2/3", "5f0c/0/00000000000000000000-00000001-7d.log", new string('a', 200),
    ];

    public async ValueTask InitializeAsync() => Store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Create_WhenNew_MakesAnEmptySettledSegment()
    {
        var name = Name("a");

        Assert.True(await Store.CreateAsync(name, Cancellation));

        Assert.Equal(new SegmentExtent(0, 0, Settled: true, Sealed: false, 0), await Store.GetExtentAsync(name, Cancellation));
    }

    [Fact]
    public async Task Create_WhenThere_LeavesItAsItIs()
    {
        var name = await NewAsync("abc");

        Assert.False(await Store.CreateAsync(name, Cancellation));

        Assert.Equal("abc", await TextAsync(name));
    }

    [Fact]
    public async Task Create_WhenRaced_OneMakesIt()
    {
        var name = Name("a");

        var made = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(async () => await Store.CreateAsync(name))));

        Assert.Single(made, won => won);
    }

    [Fact]
    public async Task Append_AtTheEnd_IsReadBack()
    {
        var name = await NewAsync();

        Assert.Equal(new AppendOutcome(AppendStatus.Appended, 3), await AppendAsync(name, 0, "abc"));
        Assert.Equal(new AppendOutcome(AppendStatus.Appended, 5), await AppendAsync(name, 3, "de"));

        Assert.Equal("abcde", await TextAsync(name));
        var extent = await ExtentAsync(name);
        Assert.Equal((5, 5, true, false), (extent.DurableLength, extent.Length, extent.Settled, extent.Sealed));
        Assert.Equal(2, extent.AppendCount);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(long.MaxValue)]
    public async Task Append_AtAnotherPosition_IsAConflictAndChangesNothing(long position)
    {
        var name = await NewAsync("abc");

        var outcome = await AppendAsync(name, position, "x");

        Assert.Equal(AppendStatus.Conflict, outcome.Status);
        Assert.Contains(outcome.Length, (long[])[3, -1]);
        Assert.Equal("abc", await TextAsync(name));
    }

    [Fact]
    public async Task Append_WhenMissing_IsNotFound()
    {
        Assert.Equal(AppendStatus.NotFound, (await AppendAsync(Name("a"), 0, "x")).Status);
        Assert.Equal(AppendStatus.NotFound, (await Store.AppendAnywhereAsync(Name("a"), Bytes("x"), Cancellation)).Status);
        Assert.Null(await Store.GetExtentAsync(Name("a"), Cancellation));
    }

    [Fact]
    public async Task Append_WhenSealed_IsRefused()
    {
        var name = await NewAsync("abc");

        await Store.SealAsync(name, Cancellation);
        await Store.SealAsync(name, Cancellation);

        Assert.Equal(AppendStatus.Sealed, (await AppendAsync(name, 3, "x")).Status);
        Assert.Equal(AppendStatus.Sealed, (await Store.AppendAnywhereAsync(name, Bytes("x"), Cancellation)).Status);
        Assert.Equal("abc", await TextAsync(name));
        var extent = await ExtentAsync(name);
        Assert.Equal((3, 3, true, true), (extent.DurableLength, extent.Length, extent.Settled, extent.Sealed));
    }

    [Fact]
    public async Task Seal_WhenMissing_IsNoErrorAndMakesNothing()
    {
        await Store.SealAsync(Name("a"), Cancellation);

        Assert.Null(await Store.GetExtentAsync(Name("a"), Cancellation));
    }

    [Fact]
    public async Task Append_WhenRacedAtOnePosition_OneTakesEffect()
    {
        var name = await NewAsync();

        for (var round = 0; round < 10; round++)
        {
            var position = 4 * round;
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
                (Writer: writer, Outcome: await Store.AppendAsync(name, position, Bytes($"w{writer:D3}"))))));

            var winner = Assert.Single(outcomes, o => o.Outcome.Status == AppendStatus.Appended).Writer;
            Assert.All(outcomes, o => Assert.True(o.Writer == winner || o.Outcome.Status == AppendStatus.Conflict));
            Assert.EndsWith($"w{winner:D3}", await TextAsync(name));
            Assert.Equal(position + 4, (await ExtentAsync(name)).Length);
        }
    }

    [Fact]
    public async Task AppendAnywhere_WhenRaced_AllTakeEffectWhole()
    {
        var name = await NewAsync();

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(
            writer => Task.Run(async () => await Store.AppendAnywhereAsync(name, Bytes($"{writer:D4}")))));

        Assert.All(outcomes, outcome => Assert.Equal(AppendStatus.Appended, outcome.Status));
        var parts = (await TextAsync(name)).Chunk(4).Select(part => int.Parse(part)).Order();
        Assert.Equal(Enumerable.Range(0, 20), parts);
    }

    [Fact]
    public async Task Append_OfTheMostBytes_IsReadBackAndOneMoreIsRefused()
    {
        var name = await NewAsync();
        var bytes = new byte[Store.Limits.AppendBytesMax];
        new Random(1).NextBytes(bytes);

        Assert.Equal(AppendStatus.Appended, (await Store.AppendAsync(name, 0, bytes, Cancellation)).Status);

        Assert.Equal(bytes, await AllAsync(name));
        await Assert.ThrowsAnyAsync<ArgumentException>(
            async () => await Store.AppendAsync(name, bytes.Length, new byte[bytes.Length + 1], Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(
            async () => await Store.AppendAsync(name, bytes.Length, ReadOnlyMemory<byte>.Empty, Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await AppendAsync(name, -1, "x"));
        Assert.Equal(bytes.Length, (await ExtentAsync(name)).Length);
    }

    [Fact]
    public async Task Append_WhenTheCallerReusesItsBuffer_KeepsTheBytes()
    {
        var name = await NewAsync();
        var buffer = Bytes("abc");

        await Store.AppendAsync(name, 0, buffer, Cancellation);
        buffer.AsSpan().Fill((byte)'x');

        Assert.Equal("abc", await TextAsync(name));
    }

    [Theory]
    [InlineData(0, 5, "abcde")]
    [InlineData(0, 9, "abcde")]
    [InlineData(1, 2, "bc")]
    [InlineData(4, 1, "e")]
    [InlineData(4, 2, "e")]
    [InlineData(5, 1, "")]
    [InlineData(6, 1, "")]
    [InlineData(long.MaxValue, 1, "")]
    [InlineData(0, 0, "")]
    public async Task Read_OfARange_GivesWhatIsThere(long position, int length, string expected)
    {
        var name = await NewAsync("abc", "de");
        var destination = new byte[length];

        var count = await Store.ReadAsync(name, position, destination, Cancellation);

        Assert.Equal(expected, Encoding.UTF8.GetString(destination, 0, count));
    }

    [Fact]
    public async Task Read_WhenMissing_SaysWhich()
    {
        var name = Name("a");

        var exception = await Assert.ThrowsAsync<SegmentNotFoundException>(
            async () => await Store.ReadAsync(name, 0, new byte[1], Cancellation));

        Assert.Equal(name, exception.Name);
        await Assert.ThrowsAsync<SegmentNotFoundException>(async () => await Store.SettleAsync(name, 0, Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.ReadAsync(name, -1, new byte[1], Cancellation));
    }

    [Fact]
    public async Task Settle_WhenSettled_CutsNothing()
    {
        var name = await NewAsync("abc");

        var extent = await Store.SettleAsync(name, 1, Cancellation);

        Assert.Equal((3, 3, true), (extent.DurableLength, extent.Length, extent.Settled));
        Assert.Equal("abc", await TextAsync(name));
    }

    [Fact]
    public async Task List_OfAPrefix_IsOrderedByNameAndWhole()
    {
        string[] names = ["p/b", "p/a/2", "p/a-1", "p/a/10", "p/B", "px/a", "q"];
        foreach (var name in names)
        {
            await Store.CreateAsync(Name(name), Cancellation);
            await AppendAsync(Name(name), 0, name);
        }

        var listed = await Store.ListAsync(Name("p/"), Cancellation).ToListAsync(Cancellation);

        Assert.Equal([Name("p/B"), Name("p/a-1"), Name("p/a/10"), Name("p/a/2"), Name("p/b")], listed.Select(info => info.Name));
        Assert.Equal([3, 5, 6, 5, 3], listed.Select(info => info.Length));
        Assert.Equal(7, await Store.ListAsync(Name(""), Cancellation).CountAsync(Cancellation));
        Assert.Contains(await Store.ListAsync("", Cancellation).ToListAsync(Cancellation), info => info.Name == Name("q"));
        Assert.Empty(await Store.ListAsync(Name("none/"), Cancellation).ToListAsync(Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.ListAsync("p", Cancellation).ToListAsync(Cancellation));
    }

    [Fact]
    public async Task Delete_WhenThere_TakesItAwayAndTheNameBeginsAnew()
    {
        var name = await NewAsync("abc");
        await Store.SealAsync(name, Cancellation);

        await Store.DeleteAsync(name, Cancellation);
        await Store.DeleteAsync(name, Cancellation);

        Assert.Null(await Store.GetExtentAsync(name, Cancellation));
        Assert.Equal(AppendStatus.NotFound, (await AppendAsync(name, 3, "x")).Status);
        await Assert.ThrowsAsync<SegmentNotFoundException>(async () => await Store.ReadAsync(name, 0, new byte[1], Cancellation));
        Assert.True(await Store.CreateAsync(name, Cancellation));
        Assert.Equal(AppendStatus.Appended, (await AppendAsync(name, 0, "x")).Status);
        Assert.Equal("x", await TextAsync(name));
    }

    [Theory]
    [MemberData(nameof(InvalidNames))]
    public async Task AnyCall_WithAnInvalidName_IsRefused(string name)
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.CreateAsync(name, Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await AppendAsync(name, 0, "x"));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.AppendAnywhereAsync(name, Bytes("x"), Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.SealAsync(name, Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.ReadAsync(name, 0, new byte[1], Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.GetExtentAsync(name, Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.SettleAsync(name, 0, Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.DeleteAsync(name, Cancellation));
    }

    [Theory]
    [MemberData(nameof(ValidNames))]
    public async Task AnyCall_WithAValidName_Works(string part)
    {
        var name = Name(part);

        Assert.True(await Store.CreateAsync(name, Cancellation));
        Assert.Equal(AppendStatus.Appended, (await AppendAsync(name, 0, "x")).Status);

        Assert.Equal("x", await TextAsync(name));
        Assert.Equal([name], await Store.ListAsync(Name(""), Cancellation).Select(info => info.Name).ToListAsync(Cancellation));
    }

    [Fact]
    public async Task AnyCall_WhenCancelledBefore_DoesNothing()
    {
        var name = await NewAsync("abc");
        using var source = new CancellationTokenSource();
        await source.CancelAsync();
        var cancelled = source.Token;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.CreateAsync(Name("b"), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.AppendAsync(name, 3, Bytes("x"), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.AppendAnywhereAsync(name, Bytes("x"), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.SealAsync(name, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.ReadAsync(name, 0, new byte[1], cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.DeleteAsync(name, cancelled));

        Assert.Null(await Store.GetExtentAsync(Name("b"), Cancellation));
        Assert.Equal("abc", await TextAsync(name));
        Assert.False((await ExtentAsync(name)).Sealed);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Appends_OfRandomSizes_ReadBackFromEveryPosition(int seed)
    {
        var random = new Random(seed);
        var name = await NewAsync();
        var model = new MemoryStream();
        for (var i = 0; i < 40; i++)
        {
            var bytes = new byte[random.Next(1, 1 << random.Next(1, 17))];
            random.NextBytes(bytes);
            Assert.Equal(
                new AppendOutcome(AppendStatus.Appended, model.Length + bytes.Length),
                await Store.AppendAsync(name, model.Length, bytes, Cancellation));
            model.Write(bytes);

            var position = random.Next((int)model.Length);
            var destination = new byte[random.Next(1, 100_000)];
            var count = await Store.ReadAsync(name, position, destination, Cancellation);
            Assert.Equal(Math.Min(destination.Length, model.Length - position), count);
            Assert.True(destination.AsSpan(0, count).SequenceEqual(model.ToArray().AsSpan(position, count)));
        }

        Assert.Equal(model.ToArray(), await AllAsync(name));
        Assert.Equal(40, (await ExtentAsync(name)).AppendCount);
    }

    /// <summary>Makes the store under test.</summary>
    protected abstract ValueTask<ISegmentStore> OpenAsync();

    /// <summary>Ends what <see cref="OpenAsync"/> began.</summary>
    protected virtual ValueTask CloseAsync() => default;

    protected static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    protected string Name(string name) => $"{_scope}/{name}";

    protected ValueTask<AppendOutcome> AppendAsync(string name, long position, string text) =>
        Store.AppendAsync(name, position, Bytes(text), Cancellation);

    protected async Task<SegmentExtent> ExtentAsync(string name) =>
        (await Store.GetExtentAsync(name, Cancellation))!.Value;

    protected async Task<string> NewAsync(params string[] appends)
    {
        var name = Name(Guid.NewGuid().ToString("N"));
        Assert.True(await Store.CreateAsync(name, Cancellation));
        long position = 0;
        foreach (var text in appends)
            position = (await AppendAsync(name, position, text)).Length;
        return name;
    }

    protected async Task<byte[]> AllAsync(string name)
    {
        var bytes = new byte[(await ExtentAsync(name)).Length];
        Assert.Equal(bytes.Length, await Store.ReadAsync(name, 0, bytes, Cancellation));
        return bytes;
    }

    protected async Task<string> TextAsync(string name) => Encoding.UTF8.GetString(await AllAsync(name));
}

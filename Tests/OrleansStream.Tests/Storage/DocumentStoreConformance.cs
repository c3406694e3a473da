using System.Text;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Storage;

/// <summary>What every document store must do, as its contract says it.</summary>
public abstract class DocumentStoreConformance : IAsyncLifetime
{
    private readonly string _scope = Guid.NewGuid().ToString("N");

    protected IDocumentStore Store { get; private set; } = null!;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Read_WhenMissing_IsNull() => Assert.Null(await Store.ReadAsync(Name("a"), Cancellation));

    [Fact]
    public async Task Write_WhenNew_IsReadBackWithItsEtag()
    {
        var etag = await WriteAsync("a", "one", null);

        Assert.NotNull(etag);
        Assert.Equal(("one", etag), await ReadAsync("a"));
    }

    [Fact]
    public async Task Write_WithTheCurrentEtag_Replaces()
    {
        var first = await WriteAsync("a", "one", null);
        var second = await WriteAsync("a", "two, and longer", first);

        Assert.NotNull(second);
        Assert.NotEqual(first, second);
        Assert.Equal(("two, and longer", second), await ReadAsync("a"));
        var third = await WriteAsync("a", "3", second);
        Assert.Equal(("3", third), await ReadAsync("a"));
    }

    [Fact]
    public async Task Write_WithAnyOtherEtag_IsAConflictAndChangesNothing()
    {
        var first = await WriteAsync("a", "one", null);
        var second = await WriteAsync("a", "two", first);

        Assert.Null(await WriteAsync("a", "x", null));
        Assert.Null(await WriteAsync("a", "x", first));
        Assert.Null(await WriteAsync("missing", "x", first));

        Assert.Equal(("two", second), await ReadAsync("a"));
        Assert.Null(await Store.ReadAsync(Name("missing"), Cancellation));
    }

    [Fact]
    public async Task Write_OfTheSameBytes_GivesAnotherEtag()
    {
        var first = await WriteAsync("a", "one", null);
        var second = await WriteAsync("a", "one", first);

        Assert.NotEqual(first, second);
        Assert.Null(await WriteAsync("a", "x", first));
    }

    [Fact]
    public async Task Write_WhenRecreated_DoesNotMeetAnOldEtag()
    {
        var etags = new HashSet<string>();
        for (var i = 0; i < 5; i++)
        {
            var etag = await WriteAsync("a", "same", null);
            Assert.True(etags.Add(etag!));
            Assert.True(await Store.DeleteAsync(Name("a"), etag, Cancellation));
        }

        await WriteAsync("a", "new", null);
        foreach (var old in etags)
            Assert.Null(await WriteAsync("a", "x", old));
    }

    [Fact]
    public async Task Write_WhenRaced_OneWins()
    {
        string? etag = null;
        for (var round = 0; round < 5; round++)
        {
            var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(
                async () => (Writer: writer, ETag: await Store.WriteAsync(Name("a"), Bytes($"{round} {writer}"), etag)))));

            var winner = Assert.Single(results, result => result.ETag is not null);
            Assert.Equal(($"{round} {winner.Writer}", winner.ETag), await ReadAsync("a"));
            etag = winner.ETag;
        }
    }

    [Fact]
    public async Task Write_ByManyIncrementing_LosesNone()
    {
        await WriteAsync("a", "0", null);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            for (var done = 0; done < 10;)
            {
                var (text, etag) = await ReadAsync("a");
                if (await WriteAsync("a", $"{int.Parse(text) + 1}", etag) is not null)
                    done++;
            }
        })));

        Assert.Equal("40", (await ReadAsync("a")).Text);
    }

    [Fact]
    public async Task Write_OfNothingAndOfTheMostBytes_IsReadBackAndOneMoreIsRefused()
    {
        var etag = await WriteAsync("a", "", null);
        Assert.Equal(("", etag), await ReadAsync("a"));
        var bytes = new byte[DocumentStoreLimits.DocumentBytesMax];
        new Random(1).NextBytes(bytes);

        etag = await Store.WriteAsync(Name("a"), bytes, etag, Cancellation);

        var read = (await Store.ReadAsync(Name("a"), Cancellation))!.Value;
        Assert.Equal(etag, read.ETag);
        Assert.True(read.Bytes.Span.SequenceEqual(bytes));
        await Assert.ThrowsAnyAsync<ArgumentException>(
            async () => await Store.WriteAsync(Name("a"), new byte[bytes.Length + 1], etag, Cancellation));
    }

    [Fact]
    public async Task Write_WhenTheCallerReusesItsBuffer_KeepsTheBytes()
    {
        var buffer = Bytes("abc");
        await Store.WriteAsync(Name("a"), buffer, null, Cancellation);
        buffer.AsSpan().Fill((byte)'x');

        Assert.Equal("abc", (await ReadAsync("a")).Text);
    }

    [Fact]
    public async Task Delete_WithTheCurrentEtagOrNone_TakesItAway()
    {
        var etag = await WriteAsync("a", "one", null);
        await WriteAsync("b", "two", null);

        Assert.True(await Store.DeleteAsync(Name("a"), etag, Cancellation));
        Assert.True(await Store.DeleteAsync(Name("b"), null, Cancellation));
        Assert.True(await Store.DeleteAsync(Name("b"), null, Cancellation));

        Assert.Null(await Store.ReadAsync(Name("a"), Cancellation));
        Assert.Null(await Store.ReadAsync(Name("b"), Cancellation));
    }

    [Fact]
    public async Task Delete_WithAnotherEtag_IsAConflict()
    {
        var first = await WriteAsync("a", "one", null);
        var second = await WriteAsync("a", "two", first);

        Assert.False(await Store.DeleteAsync(Name("a"), first, Cancellation));
        Assert.False(await Store.DeleteAsync(Name("missing"), first, Cancellation));

        Assert.Equal(("two", second), await ReadAsync("a"));
    }

    [Fact]
    public async Task List_OfAPrefix_IsOrderedByNameAndWhole()
    {
        foreach (var name in (string[])["p/b", "p/a/2", "p/a-1", "p/a/10", "p/B", "px/a", "q"])
            await WriteAsync(name, "x", null);

        Assert.Equal(
            [Name("p/B"), Name("p/a-1"), Name("p/a/10"), Name("p/a/2"), Name("p/b")],
            await Store.ListAsync(Name("p/"), Cancellation).ToListAsync(Cancellation));
        Assert.Equal(7, await Store.ListAsync(Name(""), Cancellation).CountAsync(Cancellation));
        Assert.Contains(Name("q"), await Store.ListAsync("", Cancellation).ToListAsync(Cancellation));
        Assert.Empty(await Store.ListAsync(Name("none/"), Cancellation).ToListAsync(Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.ListAsync("p", Cancellation).ToListAsync(Cancellation));
    }

    [Theory]
    [MemberData(nameof(SegmentStoreConformance.InvalidNames), MemberType = typeof(SegmentStoreConformance))]
    public async Task AnyCall_WithAnInvalidName_IsRefused(string name)
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.ReadAsync(name, Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.WriteAsync(name, Bytes("x"), null, Cancellation));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.DeleteAsync(name, null, Cancellation));
    }

    [Theory]
    [MemberData(nameof(SegmentStoreConformance.ValidNames), MemberType = typeof(SegmentStoreConformance))]
    public async Task AnyCall_WithAValidName_Works(string name)
    {
        var etag = await WriteAsync(name, "x", null);

        Assert.Equal(("x", etag), await ReadAsync(name));
        Assert.Equal([Name(name)], await Store.ListAsync(Name(""), Cancellation).ToListAsync(Cancellation));
    }

    [Fact]
    public async Task AnyCall_WhenCancelledBefore_DoesNothing()
    {
        var etag = await WriteAsync("a", "one", null);
        using var source = new CancellationTokenSource();
        await source.CancelAsync();
        var cancelled = source.Token;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.ReadAsync(Name("a"), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.WriteAsync(Name("a"), Bytes("x"), etag, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.DeleteAsync(Name("a"), etag, cancelled));

        Assert.Equal(("one", etag), await ReadAsync("a"));
    }

    /// <summary>Makes the store under test.</summary>
    protected abstract ValueTask<IDocumentStore> OpenAsync();

    /// <summary>Ends what <see cref="OpenAsync"/> began.</summary>
    protected virtual ValueTask CloseAsync() => default;

    protected static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    protected string Name(string name) => $"{_scope}/{name}";

    protected ValueTask<string?> WriteAsync(string name, string text, string? etag) =>
        Store.WriteAsync(Name(name), Bytes(text), etag, Cancellation);

    protected async Task<(string Text, string ETag)> ReadAsync(string name)
    {
        var document = (await Store.ReadAsync(Name(name), Cancellation))!.Value;
        return (Encoding.UTF8.GetString(document.Bytes.Span), document.ETag);
    }
}

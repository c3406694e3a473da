using System.Net;
using System.Text;
using Azure;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Storage;

/// <summary>What the Azure stores say when requests and replies get lost, and how the truth is found.</summary>
[Collection(AzuriteCollection.Name)]
public sealed partial class AzureFaultTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private readonly string _name = $"{Guid.NewGuid():N}/a";
    private readonly FaultyHttpHandler _line = new();
    private AzureBlobContainer _container = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ISegmentStore Segments => _container.Segments;

    private IDocumentStore Documents => _container.Documents;

    public async ValueTask InitializeAsync() => _container = await AzureTestContainer.OpenAsync(azurite, _line);

    public ValueTask DisposeAsync() => default;

    [Theory]
    [InlineData(HttpFault.ReplyLost, true)]
    [InlineData(HttpFault.FailureAfterEffect, true)]
    [InlineData(HttpFault.ReplyTooLate, true)]
    [InlineData(HttpFault.RequestLost, false)]
    [InlineData(HttpFault.ConnectionReset, false)]
    [InlineData(HttpFault.Busy, false)]
    public async Task Append_WhenThereIsNoAnswer_IsSentOnceAndUnknownAndReadingTells(HttpFault fault, bool tookEffect)
    {
        await Segments.CreateAsync(_name, Cancellation);
        var before = _line.RequestCount;
        _line.OnRequest = (_, _) => fault;

        Assert.Equal(new AppendOutcome(AppendStatus.Unknown, -1), await Segments.AppendAsync(_name, 0, Bytes("abc"), Cancellation));

        Assert.Equal(1, _line.RequestCount - before);
        Heal();
        Assert.Equal(tookEffect ? "abc" : "", await TextAsync());
        var again = await Segments.AppendAsync(_name, 0, Bytes("abc"), Cancellation);
        Assert.Equal(tookEffect ? AppendStatus.Conflict : AppendStatus.Appended, again.Status);
        Assert.Equal("abc", await TextAsync());
    }

    [Fact]
    public async Task Read_WhenRepliesHaveLessThanWasAskedFor_GivesAllThereIs()
    {
        await Segments.CreateAsync(_name, Cancellation);
        await Segments.AppendAsync(_name, 0, Bytes("abcdefghij"), Cancellation);
        _line.OnRequest = (_, _) => HttpFault.ReplyShort;
        var before = _line.RequestCount;

        var read = new byte[6];
        Assert.Equal(6, await Segments.ReadAsync(_name, 2, read, Cancellation));
        Assert.Equal("cdefgh", Encoding.UTF8.GetString(read));
        Assert.True(_line.RequestCount - before > 1, "No reply was short.");
        var beyond = new byte[20];
        Assert.Equal(3, await Segments.ReadAsync(_name, 7, beyond, Cancellation));
        Assert.Equal("hij", Encoding.UTF8.GetString(beyond, 0, 3));
    }

    [Fact]
    public async Task AnyCall_WhenTheAccountAsksToWait_WaitsAsLongAsItAsks()
    {
        var asked = TimeSpan.FromSeconds(7);
        var time = new FakeTimeProvider();
        using var transport = new HttpClientTransport(_line);
        var throttled = AzureBlobContainer.Open(
            null, azurite.ConnectionString, "conformance", time, TimeSpan.FromMilliseconds(1), transport);
        var busy = new TaskCompletionSource();
        var start = _line.RequestCount;
        _line.Answer = _ =>
        {
            if (_line.RequestCount > start + 1)
                return null;
            busy.SetResult();
            return FaultyHttpHandler.Error(HttpStatusCode.ServiceUnavailable, "ServerBusy", asked);
        };

        var reading = throttled.Documents.ReadAsync(_name, Cancellation).AsTask();
        await busy.Task;
        // The wait begins some time after the answer, so time is moved bit by bit: all but the last of them must not suffice.
        while (!reading.IsCompleted)
        {
            Assert.True(_line.RequestCount == start + 1 || time.GetUtcNow() - time.Start >= asked, $"It repeated after {time.GetUtcNow() - time.Start}.");
            time.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }

        Assert.Null(await reading);
        Assert.Equal(2, _line.RequestCount - start);
    }

    [Fact]
    public async Task Version_OfTheProtocol_IsTheNewestThatTheServiceOfTheTestsTakes()
    {
        foreach (var newer in Enum.GetValues<BlobClientOptions.ServiceVersion>().Where(version => version > AzureBlobContainer.ServiceVersion))
        {
            var options = new BlobClientOptions(newer) { Retry = { MaxRetries = 0 } };
            var service = new BlobServiceClient(azurite.ConnectionString, options);
            var refused = await Assert.ThrowsAsync<RequestFailedException>(() => service.GetPropertiesAsync(Cancellation));
            Assert.Equal(400, refused.Status);
        }
    }

    [Fact]
    public async Task AppendAnywhere_WhenTheReplyIsLost_IsSentOnceAndUnknown()
    {
        await Segments.CreateAsync(_name, Cancellation);
        _line.OnRequest = (_, _) => HttpFault.ReplyLost;

        Assert.Equal(AppendStatus.Unknown, (await Segments.AppendAnywhereAsync(_name, Bytes("abc"), Cancellation)).Status);

        Heal();
        Assert.Equal("abc", await TextAsync());
    }

    [Fact]
    public async Task Append_WhenCancelledOnceSent_IsUnknown()
    {
        await Segments.CreateAsync(_name, Cancellation);
        using var source = new CancellationTokenSource();
        _line.OnRequest = (_, _) =>
        {
            source.Cancel();
            return HttpFault.None;
        };

        Assert.Equal(AppendStatus.Unknown, (await Segments.AppendAsync(_name, 0, Bytes("abc"), source.Token)).Status);
    }

    [Theory]
    [InlineData(HttpStatusCode.PreconditionFailed, "AppendPositionConditionNotMet", AppendStatus.Conflict)]
    [InlineData(HttpStatusCode.Conflict, "BlobIsSealed", AppendStatus.Sealed)]
    [InlineData(HttpStatusCode.Conflict, "BlobHasBeenSealed", AppendStatus.Sealed)]
    [InlineData(HttpStatusCode.Conflict, "BlockCountExceedsLimit", AppendStatus.SegmentFull)]
    [InlineData(HttpStatusCode.NotFound, "BlobNotFound", AppendStatus.NotFound)]
    [InlineData(HttpStatusCode.NotFound, "ContainerNotFound", AppendStatus.Unknown)]
    [InlineData(HttpStatusCode.Conflict, "ContainerBeingDeleted", AppendStatus.Unknown)]
    [InlineData(HttpStatusCode.Forbidden, "AuthenticationFailed", AppendStatus.Unknown)]
    [InlineData(HttpStatusCode.InternalServerError, "OperationTimedOut", AppendStatus.Unknown)]
    [InlineData(HttpStatusCode.ServiceUnavailable, "ServerBusy", AppendStatus.Unknown)]
    [InlineData(HttpStatusCode.BadGateway, "", AppendStatus.Unknown)]
    public async Task Append_WithAnErrorOfTheService_IsToldForWhatItIs(HttpStatusCode status, string code, AppendStatus expected)
    {
        _line.Answer = _ => FaultyHttpHandler.Error(status, code);

        Assert.Equal(expected, (await Segments.AppendAsync(_name, 0, Bytes("abc"), Cancellation)).Status);
    }

    [Fact]
    public async Task AnyCall_WhenTheContainerIsGone_NeverTakesItForEmpty()
    {
        var gone = AzureBlobContainer.Open(
            null, azurite.ConnectionString, "gone", TimeProvider.System, TimeSpan.FromMilliseconds(1), transport: null);

        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await gone.Documents.ReadAsync("a", Cancellation));
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await gone.Segments.GetExtentAsync("a", Cancellation));
        await Assert.ThrowsAsync<StoreUnavailableException>(
            async () => await gone.Segments.ReadAsync("a", 0, new byte[1], Cancellation));
        await Assert.ThrowsAsync<StoreUnavailableException>(
            async () => await gone.Segments.ListAsync("", Cancellation).ToListAsync(Cancellation));
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await gone.Segments.CreateAsync("a", Cancellation));
    }

    [Fact]
    public async Task AnyCall_WhenNothingAnswers_IsUnavailableAfterAFewTries()
    {
        await Segments.CreateAsync(_name, Cancellation);
        _line.OnRequest = (_, _) => HttpFault.RequestLost;
        Func<Task>[] calls =
        [
            async () => await Documents.ReadAsync(_name, Cancellation),
            async () => await Documents.WriteAsync(_name, Bytes("x"), "0x1", Cancellation),
            async () => await Documents.DeleteAsync(_name, "0x1", Cancellation),
            async () => await Documents.ListAsync("", Cancellation).ToListAsync(Cancellation),
            async () => await Segments.CreateAsync(_name, Cancellation),
            async () => await Segments.SealAsync(_name, Cancellation),
            async () => await Segments.ReadAsync(_name, 0, new byte[1], Cancellation),
            async () => await Segments.GetExtentAsync(_name, Cancellation),
            async () => await Segments.DeleteAsync(_name, Cancellation),
            async () => await Segments.ListAsync("", Cancellation).ToListAsync(Cancellation),
        ];
        foreach (var call in calls)
        {
            var before = _line.RequestCount;
            var exception = await Assert.ThrowsAsync<StoreUnavailableException>(call);
            Assert.DoesNotContain('\n', exception.Message);
            Assert.Equal(AzureBlobLimits.AttemptCountMax, _line.RequestCount - before);
        }
    }

    [Theory]
    [InlineData(HttpFault.ReplyLost)]
    [InlineData(HttpFault.FailureAfterEffect)]
    [InlineData(HttpFault.ReplyTooLate)]
    public async Task Create_WhenTheReplyIsLost_KnowsItsOwnWork(HttpFault fault)
    {
        FaultOnce(fault);
        Assert.True(await Segments.CreateAsync(_name, Cancellation));

        FaultOnce(fault);
        Assert.False(await Segments.CreateAsync(_name, Cancellation));
    }

    [Fact]
    public void Open_WithNoOrTwoWaysToTheAccount_IsRefused()
    {
        var uri = new Uri("https://account.blob.core.windows.net");

        Assert.Throws<ArgumentException>(() => AzureBlobContainer.Open(null, null, "c", TimeProvider.System));
        Assert.Throws<ArgumentException>(() => AzureBlobContainer.Open(uri, azurite.ConnectionString, "c", TimeProvider.System));
        Assert.Throws<ArgumentException>(() => AzureBlobContainer.Open(null, "nonsense", "c", TimeProvider.System));
        Assert.NotNull(AzureBlobContainer.Open(uri, null, "c", TimeProvider.System));
    }

    private static T Sync<T>(Func<Task<T>> call) => Task.Run(call).GetAwaiter().GetResult();

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private void FaultOnce(HttpFault fault)
    {
        var start = _line.RequestCount;
        _line.OnRequest = (_, number) => number == start + 1 ? fault : HttpFault.None;
    }

    private void Heal()
    {
        _line.OnRequest = (_, _) => HttpFault.None;
        _line.Answer = null;
    }

    private async Task<string> TextAsync()
    {
        var bytes = new byte[100];
        return Encoding.UTF8.GetString(bytes, 0, await Segments.ReadAsync(_name, 0, bytes, Cancellation));
    }
}

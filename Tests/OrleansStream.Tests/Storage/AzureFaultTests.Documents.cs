using System.Text;
using OrleansStream.Storage;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Storage;

/// <summary>Documents.</summary>
public sealed partial class AzureFaultTests
{
    // The SDK resumes the broken download with a range, and the reply to it is short: a document that is cut would be taken for a whole one.
    [Fact]
    public async Task Read_OfADocument_WhenRepliesHaveLessThanWasAskedFor_ReadsAgain()
    {
        await Documents.WriteAsync(_name, Bytes("abcdefghij"), expectedETag: null, Cancellation);
        var faults = new Queue<HttpFault>([HttpFault.ReplyCutOff, HttpFault.ReplyShort]);
        _line.OnRequest = (_, _) => faults.TryDequeue(out var fault) ? fault : HttpFault.None;

        var read = (await Documents.ReadAsync(_name, Cancellation))!.Value;

        Assert.Empty(faults);
        Assert.Equal("abcdefghij", Encoding.UTF8.GetString(read.Bytes.Span));
    }

    [Theory]
    [InlineData(HttpFault.ReplyLost)]
    [InlineData(HttpFault.FailureAfterEffect)]
    [InlineData(HttpFault.ReplyTooLate)]
    public async Task WriteDocument_WhenTheReplyIsLost_FindsItsEtag(HttpFault fault)
    {
        FaultOnce(fault);
        var first = await Documents.WriteAsync(_name, Bytes("one"), null, Cancellation);
        FaultOnce(fault);
        var second = await Documents.WriteAsync(_name, Bytes("two"), first, Cancellation);

        var read = (await Documents.ReadAsync(_name, Cancellation))!.Value;
        Assert.Equal(("two", second), (Encoding.UTF8.GetString(read.Bytes.Span), read.ETag));
    }

    [Fact]
    public async Task WriteDocument_WhenARequestIsLost_RepeatsAReplacementButNoCreation()
    {
        FaultOnce(HttpFault.RequestLost);
        await Assert.ThrowsAsync<StoreUnavailableException>(
            async () => await Documents.WriteAsync(_name, Bytes("one"), null, Cancellation));
        Assert.Null(await Documents.ReadAsync(_name, Cancellation));

        var first = await Documents.WriteAsync(_name, Bytes("one"), null, Cancellation);
        FaultOnce(HttpFault.RequestLost);
        Assert.NotNull(await Documents.WriteAsync(_name, Bytes("two"), first, Cancellation));
    }

    [Fact]
    public async Task WriteDocument_WhenItsReplyIsLostAndAnotherWroteSince_SaysItDoesNotKnow()
    {
        var first = await Documents.WriteAsync(_name, Bytes("one"), null, Cancellation);
        var other = await AzureTestContainer.OpenAsync(azurite);
        var start = _line.RequestCount;
        _line.OnRequest = (_, number) => number == start + 1 ? HttpFault.ReplyLost : HttpFault.None;
        _line.Answer = _ =>
        {
            // Before the second try another writer sees the first one's work and builds on it.
            if (_line.RequestCount == start + 2)
            {
                var seen = Sync(async () => (await other.Documents.ReadAsync(_name, Cancellation))!.Value.ETag);
                Assert.NotNull(Sync(async () => await other.Documents.WriteAsync(_name, Bytes("three"), seen, Cancellation)));
            }

            return null;
        };

        await Assert.ThrowsAsync<StoreUnavailableException>(
            async () => await Documents.WriteAsync(_name, Bytes("two"), first, Cancellation));
    }

    [Fact]
    public async Task DeleteDocument_WhenTheReplyIsLost_IsDone()
    {
        var etag = await Documents.WriteAsync(_name, Bytes("one"), null, Cancellation);
        FaultOnce(HttpFault.ReplyLost);

        Assert.True(await Documents.DeleteAsync(_name, etag, Cancellation));

        Assert.Null(await Documents.ReadAsync(_name, Cancellation));
    }
}

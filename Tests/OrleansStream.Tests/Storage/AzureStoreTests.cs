using System.Collections.Concurrent;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Storage;

[Collection(AzuriteCollection.Name)]
public sealed class AzureSegmentStoreTests(AzuriteFixture azurite) : SegmentStoreConformance
{
    protected override async ValueTask<ISegmentStore> OpenAsync() => (await AzureTestContainer.OpenAsync(azurite)).Segments;
}

[Collection(AzuriteCollection.Name)]
public sealed class AzureDocumentStoreTests(AzuriteFixture azurite) : DocumentStoreConformance
{
    protected override async ValueTask<IDocumentStore> OpenAsync() => (await AzureTestContainer.OpenAsync(azurite)).Documents;
}

/// <summary>Every call but an append is repeated until it is answered, so the contract holds on a bad way to the account too.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AzureSegmentStoreOnABadLineTests(AzuriteFixture azurite) : SegmentStoreConformance
{
    protected override async ValueTask<ISegmentStore> OpenAsync()
    {
        var line = new BadLine();
        var handler = new FaultyHttpHandler
        {
            OnRequest = (request, number) => request.RequestUri!.Query.Contains("appendblock", StringComparison.Ordinal)
                ? HttpFault.None
                : line.Decide(request, number),
        };
        return (await AzureTestContainer.OpenAsync(azurite, handler)).Segments;
    }
}

/// <summary>A call that gets no reply is repeated, so the contract holds on a bad way to the account too.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AzureDocumentStoreOnABadLineTests(AzuriteFixture azurite) : DocumentStoreConformance
{
    protected override async ValueTask<IDocumentStore> OpenAsync() =>
        (await AzureTestContainer.OpenAsync(azurite, new FaultyHttpHandler { OnRequest = new BadLine().DecideForDocuments })).Documents;
}

/// <summary>A fault on every third request, each kind in its turn, but fewer on one blob than a call has tries.</summary>
internal sealed class BadLine
{
    private static readonly HttpFault[] Faults =
    [
        HttpFault.Busy, HttpFault.ReplyLost, HttpFault.RequestLost, HttpFault.FailureAfterEffect, HttpFault.ReplyTooLate, HttpFault.ReplyCutOff,
        HttpFault.ReplyShort, HttpFault.ConnectionReset,
    ];

    private readonly ConcurrentDictionary<string, int> _faultCounts = new();

    public HttpFault Decide(HttpRequestMessage request, int number)
    {
        if (number % 3 != 0)
            return HttpFault.None;
        // By blob: a call that looks after a lost reply makes requests of several kinds, and its tries are counted for all of them.
        var count = _faultCounts.AddOrUpdate(request.RequestUri!.AbsolutePath, 1, (_, count) => count + 1);
        return count < AzureBlobLimits.AttemptCountMax ? Faults[number / 3 % Faults.Length] : HttpFault.None;
    }

    /// <summary>The same, but a lost write that then meets a conflict is unknown by contract, so writes meet only what is definite.</summary>
    public HttpFault DecideForDocuments(HttpRequestMessage request, int number) => Decide(request, number) switch
    {
        HttpFault.None => HttpFault.None,
        var fault => request.Method == HttpMethod.Get || request.Method == HttpMethod.Head ? fault : HttpFault.Busy,
    };
}

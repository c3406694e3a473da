using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Cluster;

/// <summary>Why a grain's state could not be read is told to callers on other silos, and not that the reason could not be sent.</summary>
[Collection(nameof(ClusterCollection))]
public sealed class StoreExceptionTests(ClusterFixture cluster)
{
    public static readonly TheoryData<string> Kinds = new(
        nameof(StoreUnavailableException), nameof(StoreFullException), nameof(SegmentNotFoundException), nameof(CorruptDocumentException),
        nameof(LogCorruptException));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Send_OfAnExceptionOfAStore_KeepsItsKindAndWords(string kind)
    {
        Exception reason = kind switch
        {
            nameof(StoreUnavailableException) => new StoreUnavailableException("no answer", new LibraryException("too long")),
            nameof(StoreFullException) => new StoreFullException("no room"),
            nameof(SegmentNotFoundException) => new SegmentNotFoundException("segment"),
            nameof(CorruptDocumentException) => new CorruptDocumentException("document", "is no JSON"),
            _ => new LogCorruptException("no batch"),
        };
        var serializer = cluster.Cluster.Silos[0].ServiceProvider.GetRequiredService<Serializer>();

        var sent = serializer.SerializeToArray<Exception>(new OrleansException("not read", reason));
        var received = Assert.IsType<OrleansException>(serializer.Deserialize<Exception>(sent));

        Assert.Equal(reason.GetType(), received.InnerException!.GetType());
        Assert.Equal(reason.Message, received.InnerException.Message);
        Assert.Equal(reason.InnerException?.Message, received.InnerException.InnerException?.Message);
    }

    // Of a namespace that is neither ours nor the system's, as a library's.
    private sealed class LibraryException(string message) : Exception(message);
}

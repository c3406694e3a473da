using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansStream.Errors;
using OrleansStream.Storage;

namespace OrleansStream.Security;

/// <summary>Reads and changes the stored keys and rights. Safe for any thread, and for several processes at the same time.</summary>
/// <param name="documents">The store of the document.</param>
/// <param name="serviceId">The service whose keys and rights they are.</param>
/// <param name="time">Tells how old the copy of the document is.</param>
internal sealed class AccessDocuments(IDocumentStore documents, string serviceId, TimeProvider time)
{
    private readonly string _name = AccessDocument.NameOf(serviceId);
    private readonly Lock _gate = new();
    private Known? _known;
    private Task<Known>? _reading;

    /// <summary>Creates an instance for a silo.</summary>
    /// <param name="documents">The store of the document.</param>
    /// <param name="cluster">The cluster, which names the service.</param>
    /// <param name="time">Tells how old the copy of the document is.</param>
    public AccessDocuments(IDocumentStore documents, IOptions<ClusterOptions> cluster, TimeProvider time)
        : this(documents, cluster.Value.ServiceId, time)
    {
    }

    /// <summary>Reads the keys and rights.</summary>
    /// <param name="ageMax">The greatest age of the result; zero to read the store now.</param>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    /// <exception cref="CorruptDocumentException">The document is damaged.</exception>
    public async ValueTask<(string Version, AccessDocument Document)> ReadAsync(TimeSpan ageMax)
    {
        var known = _known;
        if (known is null || time.GetElapsedTime(known.ReadAt) >= ageMax)
            known = await (ageMax == TimeSpan.Zero ? ReadStoreAsync() : JoinReading());
        return (known.Version, known.Document);
    }

    /// <summary>Changes the keys and rights. Repeats the change when another one came between.</summary>
    /// <typeparam name="T">The type of the change's result.</typeparam>
    /// <param name="change">Makes the next document from the current one; null when nothing changes. It is called once for each try.</param>
    /// <exception cref="StoreUnavailableException">The store cannot be reached, or it is not known whether the change was stored.</exception>
    /// <exception cref="StoreFullException">The store is full.</exception>
    /// <exception cref="CorruptDocumentException">The document is damaged.</exception>
    public async ValueTask<T> ChangeAsync<T>(Func<AccessDocument, (AccessDocument? Next, T Result)> change)
    {
        for (var attempt = 0; attempt < AccessDocumentLimits.WriteAttemptsMax; attempt++)
        {
            var known = await ReadStoreAsync();
            var (next, result) = change(known.Document);
            if (next is null)
                return result;
            var readAt = time.GetTimestamp();
            if (await documents.WriteAsync(_name, next.ToBytes(), known.ETag) is not { } etag)
                continue;
            Learn(new Known(next, etag, readAt));
            return result;
        }

        throw new StoreUnavailableException(
            $"The keys and rights '{_name}' were written by others {AccessDocumentLimits.WriteAttemptsMax} times in a row.");
    }

    /// <summary>Translates a failure of the store into the error for the caller; null for any other exception.</summary>
    /// <param name="exception">The failure.</param>
    public static StreamException? Explain(Exception exception) => exception switch
    {
        StoreUnavailableException => Failed($"Keys and rights could not be read or written: {exception.Message}", isOutcomeUnknown: true),
        StoreFullException or CorruptDocumentException =>
            Failed($"Keys and rights could not be read or written: {exception.Message}", isOutcomeUnknown: false),
        _ => null,
    };

    private static StreamException Failed(string detail, bool isOutcomeUnknown) =>
        new(new StreamError(StreamErrorCode.KafkaStorageError, detail) { OutcomeUnknown = isOutcomeUnknown });

    private Task<Known> JoinReading()
    {
        lock (_gate)
            return _reading is { IsCompleted: false } ? _reading : _reading = ReadStoreAsync();
    }

    private async Task<Known> ReadStoreAsync()
    {
        var readAt = time.GetTimestamp();
        var read = await documents.ReadAsync(_name) is { } document
            ? new Known(AccessDocument.Parse(_name, document.Bytes.Span), document.ETag, readAt)
            : new Known(AccessDocument.Empty, ETag: null, readAt);
        Learn(read);
        return read;
    }

    private void Learn(Known read)
    {
        lock (_gate)
        {
            if (_known is null || _known.ReadAt <= read.ReadAt)
                _known = read;
        }
    }

    private sealed record Known(AccessDocument Document, string? ETag, long ReadAt)
    {
        // The version of a document that does not exist yet.
        public string Version => ETag ?? "";
    }
}

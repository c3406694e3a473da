using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansStream.Errors;
using OrleansStream.Storage;

namespace OrleansStream.Security;

/// <summary>Reads and changes the keys and rights that are stored. Safe for any thread, and beside any other process that does the same.</summary>
/// <param name="documents">Where they are.</param>
/// <param name="serviceId">Whose they are.</param>
/// <param name="time">The clock.</param>
internal sealed class AccessDocuments(IDocumentStore documents, string serviceId, TimeProvider time)
{
    // People and their scripts change them; somebody else always got through when one of these tries fails.
    private const int AttemptsMax = 20;

    private readonly string _name = AccessDocument.NameOf(serviceId);
    private readonly Lock _gate = new();
    private Known? _known;
    private Task<Known>? _reading;

    /// <summary>Makes them for a silo.</summary>
    /// <param name="documents">Where they are.</param>
    /// <param name="cluster">Whose they are.</param>
    /// <param name="time">The clock.</param>
    public AccessDocuments(IDocumentStore documents, IOptions<ClusterOptions> cluster, TimeProvider time)
        : this(documents, cluster.Value.ServiceId, time)
    {
    }

    /// <summary>Reads them.</summary>
    /// <param name="ageMax">How old they may be; zero to read the store now.</param>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    /// <exception cref="CorruptDocumentException">They are damaged.</exception>
    public async ValueTask<(string Version, AccessDocument Document)> ReadAsync(TimeSpan ageMax)
    {
        var known = _known;
        if (known is null || time.GetElapsedTime(known.ReadAt) >= ageMax)
            known = await (ageMax == TimeSpan.Zero ? ReadStoreAsync() : JoinReading());
        return (known.Version, known.Document);
    }

    /// <summary>Changes them, again and again until nobody else's change came between.</summary>
    /// <typeparam name="T">What is told of the change.</typeparam>
    /// <param name="change">Makes the next document of the one that there is; null where it stays as it is. It is called once for each try.</param>
    /// <exception cref="StoreUnavailableException">The store cannot be reached, or whether it was changed is not known.</exception>
    /// <exception cref="StoreFullException">There is no room.</exception>
    /// <exception cref="CorruptDocumentException">They are damaged.</exception>
    public async ValueTask<T> ChangeAsync<T>(Func<AccessDocument, (AccessDocument? Next, T Result)> change)
    {
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
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

        throw new StoreUnavailableException($"The keys and rights '{_name}' were written by others {AttemptsMax} times in a row.");
    }

    /// <summary>What a failure of the store is to those who asked; null for another exception.</summary>
    /// <param name="exception">The failure.</param>
    public static StreamException? Explain(Exception exception) => exception switch
    {
        StoreUnavailableException => Failed($"Keys and rights could not be read or written: {exception.Message}", isOutcomeUnknown: true),
        StoreFullException or CorruptDocumentException => Failed($"Keys and rights could not be read or written: {exception.Message}", isOutcomeUnknown: false),
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
        // Of what is not there yet.
        public string Version => ETag ?? "";
    }
}

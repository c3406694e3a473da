using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace OrleansStream.Storage.Azure;

/// <summary>Segments as append blobs. An append is one block, and the account itself compares the position.</summary>
/// <remarks>
/// An append is sent once. When a request or reply is lost, the outcome is <see cref="AppendStatus.Unknown"/>, and the log finds it out by reading.
/// Nothing is ever unsettled, because a block is stored whole or not at all.
/// </remarks>
public sealed class AzureSegmentStore : ISegmentStore
{
    private const string Folder = "segments/";

    private readonly BlobContainerClient _container;
    private readonly AzureBlobRetry _retry;

    internal AzureSegmentStore(BlobContainerClient container, AzureBlobRetry retry)
    {
        _container = container;
        _retry = retry;
    }

    /// <inheritdoc/>
    public SegmentStoreLimits Limits { get; } =
        new(AzureBlobLimits.AppendBytesMax, AzureBlobLimits.AppendCountMax, AzureBlobLimits.ReplicationFactor);

    /// <inheritdoc/>
    public ValueTask<bool> CreateAsync(string name, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        var creator = AzureCreation.NewId();
        return _retry.WriteAsync(
            $"create the segment '{name}'",
            async (mayBeDone, token) =>
            {
                try
                {
                    // Without the condition the SDK's Create empties a blob that exists.
                    await blob.CreateAsync(
                        new AppendBlobCreateOptions
                        {
                            Conditions = new AppendBlobRequestConditions { IfNoneMatch = ETag.All },
                            Metadata = AzureCreation.ToMetadata(creator),
                        },
                        token).ConfigureAwait(false);
                    return true;
                }
                catch (RequestFailedException exception) when (AzureBlobErrors.IsConflict(exception))
                {
                    return mayBeDone && await AzureCreation.FindAsync(blob, creator, token).ConfigureAwait(false) is not null;
                }
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckAppend(name, expectedPosition, bytes.Length, Limits);
        var conditions = new AppendBlobRequestConditions { IfAppendPositionEqual = expectedPosition };
        return AppendAsync(name, conditions, bytes, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<AppendOutcome> AppendAnywhereAsync(
        string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckAppend(name, 0, bytes.Length, Limits);
        return AppendAsync(name, conditions: null, bytes, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask SealAsync(string name, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        await _retry.WriteAsync(
            $"seal the segment '{name}'",
            async (_, token) =>
            {
                try
                {
                    await blob.SealAsync(cancellationToken: token).ConfigureAwait(false);
                }
                catch (RequestFailedException exception)
                    when (AzureBlobErrors.IsMissing(exception) || AzureBlobErrors.IsSealed(exception))
                {
                    // The segment does not exist, or is sealed already.
                }

                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(
        string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        cancellationToken.ThrowIfCancellationRequested();

        // The end of the range must not overflow, and no blob is that long.
        if (destination.IsEmpty || position > long.MaxValue - destination.Length)
            return new(0);
        return _retry.ReadAsync(
            $"read the segment '{name}'",
            async (_, token) =>
            {
                var count = 0;
                try
                {
                    // A reply may be shorter than asked for although the blob goes on; the rest is then asked for again.
                    for (var isEnd = false; !isEnd && count < destination.Length;)
                    {
                        var options = new BlobDownloadOptions { Range = new HttpRange(position + count, destination.Length - count) };
                        using BlobDownloadStreamingResult result =
                            await blob.DownloadStreamingAsync(options, token).ConfigureAwait(false);
                        var length = (int)Math.Min(destination.Length - count, result.Details.ContentLength);
                        await result.Content.ReadExactlyAsync(destination.Slice(count, length), token).ConfigureAwait(false);
                        count += length;
                        isEnd = length == 0 || position + count >= LengthOf(result.Details);
                    }

                    return count;
                }
                catch (RequestFailedException exception) when (AzureBlobErrors.IsBeyondEnd(exception))
                {
                    return count;
                }
                catch (RequestFailedException exception) when (AzureBlobErrors.IsMissing(exception))
                {
                    throw new SegmentNotFoundException(name);
                }
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<SegmentExtent?> GetExtentAsync(string name, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        return _retry.ReadAsync<SegmentExtent?>(
            $"ask for the end of the segment '{name}'",
            async (_, token) =>
            {
                try
                {
                    BlobProperties blobProperties =
                        await blob.GetPropertiesAsync(cancellationToken: token).ConfigureAwait(false);
                    var length = blobProperties.ContentLength;
                    return new SegmentExtent(
                        length, length, Settled: true, blobProperties.IsSealed, blobProperties.BlobCommittedBlockCount);
                }
                catch (RequestFailedException exception) when (AzureBlobErrors.IsMissing(exception))
                {
                    return null;
                }
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>Azure's segments are never unsettled, so nothing is cut.</remarks>
    public async ValueTask<SegmentExtent> SettleAsync(string name, long length, CancellationToken cancellationToken = default) =>
        await GetExtentAsync(name, cancellationToken).ConfigureAwait(false) ?? throw new SegmentNotFoundException(name);

    /// <inheritdoc/>
    public async IAsyncEnumerable<SegmentInfo> ListAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        StoreNames.CheckPrefix(prefix);
        foreach (var (name, blob) in await AzureListing.ListAsync(_container, _retry, Folder, prefix, cancellationToken).ConfigureAwait(false))
            yield return new SegmentInfo(name, blob.ContentLength ?? 0, blob.LastModified ?? default);
    }

    /// <inheritdoc/>
    public async ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        await _retry.WriteAsync(
            $"delete the segment '{name}'",
            async (_, token) =>
            {
                try
                {
                    return (await blob.DeleteIfExistsAsync(cancellationToken: token).ConfigureAwait(false)).Value;
                }
                catch (RequestFailedException exception) when (AzureBlobErrors.IsMissing(exception))
                {
                    return false;
                }
            },
            cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<AppendOutcome> AppendAsync(
        string name, AppendBlobRequestConditions? conditions, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            var content = BinaryData.FromBytes(bytes).ToStream();
            await using (content.ConfigureAwait(false))
            {
                BlobAppendInfo info = await Blob(name).AppendBlockAsync(
                    content, new AppendBlobAppendBlockOptions { Conditions = conditions }, cancellationToken).ConfigureAwait(false);
                return long.TryParse(info.BlobAppendOffset, out var position)
                    ? new(AppendStatus.Appended, position + bytes.Length)
                    : new(AppendStatus.Unknown, -1);
            }
        }
        catch (Exception exception) when (AzureBlobErrors.IsStoreError(exception))
        {
            return new(AzureBlobErrors.ToAppendStatus(exception), -1);
        }
    }

    // The length of the whole blob. The reply to a range has it besides the range's own length.
    private static long LengthOf(BlobDownloadDetails details) =>
        ContentRangeHeaderValue.TryParse(details.ContentRange, out var range) && range.Length is { } length ? length : 0;

    private AppendBlobClient Blob(string name)
    {
        StoreNames.Check(name);
        return _container.GetAppendBlobClient(Folder + StoreNames.ToStored(name));
    }
}

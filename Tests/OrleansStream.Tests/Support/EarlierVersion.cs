using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using OrleansStream.Log.Format;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Support;

/// <summary>
/// Leaves a log behind as an earlier version left it, which stored batches to one partition unopened and believed their headers: index and
/// manifest are made of what those say.
/// </summary>
internal static class EarlierVersion
{
    /// <summary>Stores segments; the last is the active one.</summary>
    /// <param name="segments">Where segments go.</param>
    /// <param name="documents">Where documents go.</param>
    /// <param name="log">The log's name.</param>
    /// <param name="nowMs">When all segments were begun.</param>
    /// <param name="batches">Per segment its batches, as producers sent them.</param>
    public static async Task StoreAsync(
        ISegmentStore segments, IDocumentStore documents, string log, long nowMs, params IReadOnlyList<byte[]>[] batches)
    {
        var named = ImmutableList.CreateBuilder<ManifestSegment>();
        long offset = 0;
        for (var i = 0; i < batches.Length; i++)
        {
            var segment = new ManifestSegment
            {
                Name = SegmentName.Make(log, offset, 1, Guid.NewGuid()), BaseOffset = offset, CreatedAtMs = nowMs,
            };
            var bytes = new List<byte>(Fence(offset));
            var index = new SegmentIndex(offset);
            long latestMs = -1;
            foreach (var stored in batches[i].SelectMany(Split))
            {
                RecordBatchHeader.StampBaseOffset(stored, offset);
                RecordBatchHeader.StampPartitionLeaderEpoch(stored, 1);
                RecordBatchHeader.TryRead(stored, out var header);
                index.Add(offset, bytes.Count, header.MaxTimestamp);
                latestMs = Math.Max(latestMs, header.MaxTimestamp);
                bytes.AddRange(stored);
                offset = header.NextOffset;
            }

            await segments.CreateAsync(segment.Name);
            await segments.AppendAsync(segment.Name, 0, bytes.ToArray());
            if (i + 1 < batches.Length)
            {
                segment = segment with { EndOffset = offset, Length = bytes.Count, MaxTimestampMs = latestMs };
                await documents.WriteAsync(SegmentName.IndexOf(segment.Name), OfHeaderTimes(index.ToBytes()), null);
                await segments.SealAsync(segment.Name);
            }

            named.Add(segment);
        }

        var manifest = new PartitionManifest
        {
            Epoch = 1, Owner = "earlier", Revision = 1, LogStartOffset = 0, Segments = named.ToImmutable(),
        };
        await documents.WriteAsync(SegmentName.ManifestOf(log), WithoutLaterFields(manifest.ToBytes()), null);
    }

    /// <summary>Has a stored manifest be one that an earlier version wrote again.</summary>
    public static byte[] WithoutLaterFields(byte[] manifest)
    {
        var json = JsonNode.Parse(manifest)!;
        foreach (var segment in json["segments"]!.AsArray())
            Assert.True(segment!.AsObject().Remove("times_checked"));

        return System.Text.Encoding.UTF8.GetBytes(json.ToJsonString());
    }

    private static List<byte[]> Split(byte[] batches)
    {
        var split = new List<byte[]>();
        var scanner = new RecordBatchScanner(batches);
        while (scanner.MoveNext())
            split.Add(scanner.Batch.ToArray());

        Assert.Equal(RecordBatchStatus.End, scanner.Status);
        return split;
    }

    private static byte[] Fence(long offset)
    {
        var fence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(fence, offset, 1);
        return fence;
    }

    private static byte[] OfHeaderTimes(byte[] index)
    {
        BinaryPrimitives.WriteInt32LittleEndian(index, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(index.AsSpan(^4..), Crc32C.Compute(index.AsSpan(..^4)));
        return index;
    }
}

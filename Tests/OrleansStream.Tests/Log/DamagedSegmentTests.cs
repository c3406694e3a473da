using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Maintenance.Verification;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>A byte of a closed segment goes bad: it is told by place, never served, never passed over in silence; the rest is served.</summary>
public sealed class DamagedSegmentTests
{
    private const int RecordCount = 12;
    private const int DamagedOffset = 5;
    private readonly LogRig _rig = new();
    private string _segment = "";
    private byte[] _bytes = [];
    private int _from;
    private int _to;

    public static TheoryData<int> BitsOfAByte => [0, 3, 7];

    [Theory]
    [MemberData(nameof(BitsOfAByte))]
    public async Task Fetch_WhenABitOfAClosedSegmentFlipped_ServesTheTruthOrSaysWhereItIsDamaged(int bit)
    {
        var truth = await StoreAsync();
        var damagedReads = 0;
        for (var position = _from; position < _to; position++)
        {
            var isPassedOver = position - _from is >= RecordBatchHeader.HeaderLengthBytes or RecordBatchHeader.CrcPosition;
            await DamageAsync(position, (byte)(1 << bit));
            var log = await _rig.TakeOverAsync();
            for (var offset = 0; offset < RecordCount; offset++)
            {
                var fetched = await log.GetAsync(offset, bytesMax: 1);
                if (fetched.Error is null)
                {
                    var record = StoredRecords.Of(fetched.Batches).Find(record => record.Offset == offset);
                    Assert.Equal(truth[offset], record?.Value);
                    continue;
                }

                damagedReads++;
                Assert.Equal(StreamErrorCode.PartitionOffline, fetched.Error.Code);
                Assert.Equal(_segment, fetched.Error.Damage?.Segment);
                Assert.Equal(offset, fetched.Error.Damage?.Offset);
                Assert.True(fetched.Error.Damage?.Position is { } at && (offset == DamagedOffset ? at == _from : at >= _from));
                Assert.True(offset == DamagedOffset || !isPassedOver, $"offset {offset} is not served when byte {position - _from} is bad");
            }

            Assert.Null((await log.PutAsync(TestBatch.Of("more"))).Error);
            await _rig.CloseAsync(log);
        }

        // Of the whole batch only the leader's epoch can change without anybody's being told another record.
        Assert.True(damagedReads >= _to - _from - sizeof(int), $"{damagedReads}");
    }

    [Fact]
    public async Task FindOffset_WhenABaseOffsetIsBad_SaysSoAndNoWrongOffset()
    {
        await StoreAsync();
        await DamageAsync(_from + 7, 1);
        var log = await _rig.TakeOverAsync();

        var found = await log.FindAsync(TestBatch.TimestampMs + DamagedOffset);

        Assert.Equal(StreamErrorCode.PartitionOffline, found.Error?.Code);
        Assert.Equal(new LogDamage(_segment, _from, DamagedOffset), found.Error?.Damage);
    }

    [Fact]
    public async Task Verify_WhenNothingIsWrong_FindsNothing()
    {
        await StoreAsync();

        var verified = await VerifyAsync();

        Assert.Empty(verified.Faults);
        Assert.True(verified.SegmentCount > 2);
        Assert.True(verified.Bytes > 2 * _bytes.Length);
    }

    [Fact]
    public async Task Verify_WhenAnyByteOfAClosedSegmentIsBad_SaysWhere()
    {
        await StoreAsync();
        // The first eight bytes are a fence's base offset, which means nothing to anybody.
        for (var position = sizeof(long); position < _bytes.Length; position++)
        {
            await DamageAsync(position, 0x10);
            var fault = Assert.Single((await VerifyAsync()).Faults, fault => !fault.IsHarmless);
            Assert.Equal(_segment, fault.Place);
            Assert.True(fault.Position <= position, $"{fault.Position} is behind {position}");
        }
    }

    [Theory]
    [InlineData("short")]
    [InlineData("cut at a batch")]
    [InlineData("gone")]
    public async Task Verify_WhenAClosedSegmentIsNotWhole_SaysSo(string how)
    {
        await StoreAsync();
        if (how == "gone")
            await _rig.StoredSegments.DeleteAsync(_segment, TestContext.Current.CancellationToken);
        else
            await _rig.ReplaceSegmentAsync(_segment, how == "short" ? _bytes[..^1] : _bytes[.._from]);

        var fault = Assert.Single((await VerifyAsync()).Faults);

        Assert.Equal(_segment, fault.Place);
        Assert.False(fault.IsHarmless);
    }

    [Fact]
    public async Task Verify_WhenTheManifestIsLost_SaysSo()
    {
        await StoreAsync();
        await _rig.StoredDocuments.DeleteAsync(SegmentName.ManifestOf(LogRig.Name), null, TestContext.Current.CancellationToken);

        Assert.Contains("manifest was lost", Assert.Single((await VerifyAsync()).Faults).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_WhenACacheIsBad_NotesThatItIsHarmless()
    {
        await StoreAsync();
        await _rig.ReplaceDocumentAsync(SegmentName.IndexOf(_segment), "rubbish"u8.ToArray());

        Assert.True(Assert.Single((await VerifyAsync()).Faults).IsHarmless);
    }

    private ValueTask<LogVerification> VerifyAsync() =>
        LogVerification.RunAsync(LogRig.Name, _rig.StoredSegments, _rig.StoredDocuments, TestContext.Current.CancellationToken);

    // A closed segment of several batches; the one that is to be damaged has others around it.
    private async Task<string[]> StoreAsync()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 400 };
        var log = await _rig.OpenAsync();
        string[] values = [.. Enumerable.Range(0, RecordCount).Select(i => $"record {i}")];
        for (var i = 0; i < values.Length; i++)
            Assert.Null((await log.PutAsync(TestBatch.At(TestBatch.TimestampMs + i, values[i]))).Error);
        await _rig.CloseAsync(log);

        var segment = (await _rig.ReadManifestAsync()).Segments.Last(segment => segment.BaseOffset <= DamagedOffset);
        Assert.True(segment.IsSealed && segment.BaseOffset < DamagedOffset && segment.EndOffset > DamagedOffset + 1);
        (_segment, _bytes) = (segment.Name, await _rig.ReadSegmentAsync(segment.Name));
        var scanner = new RecordBatchScanner(_bytes);
        while (scanner.MoveNext() && scanner.Header.BaseOffset < DamagedOffset)
            _to = scanner.NextPosition;
        (_from, _to) = (scanner.Position, scanner.NextPosition);
        return values;
    }

    private Task DamageAsync(int position, byte mask)
    {
        var bytes = (byte[])_bytes.Clone();
        bytes[position] ^= mask;
        return _rig.ReplaceSegmentAsync(_segment, bytes);
    }
}

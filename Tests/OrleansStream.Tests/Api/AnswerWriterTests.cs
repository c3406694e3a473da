using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using CsCheck;
using Microsoft.AspNetCore.Http;
using OrleansStream.Records;
using OrleansStream.Rest.Json;

namespace OrleansStream.Tests.Api;

/// <summary>An answer that is written as it is made: the same JSON as at once, and its memory is a constant.</summary>
public sealed class AnswerWriterTests
{
    // As JSON a byte is at most twenty, where every few are a header.
    private const int HeldBytesMax = JsonLimits.ResponseFlushBytes + 20 * JsonLimits.ResponsePieceBytes;

    private static readonly Gen<byte[]> Texts = Gen.OneOf(
        Gen.String[Gen.Char["aä€\u0001\"\\\n\r\u0085\u2028\u2029"], 0, 40].Select(Encoding.UTF8.GetBytes),
        Gen.Byte.Array[0, 40]);

    /// <summary>Bytes of any kind, whose length is any, or about that of a few pieces.</summary>
    private static readonly Gen<byte[]> Payloads = Gen.Select(
        Texts,
        Gen.OneOf(Gen.Int[0, 3], Gen.Int[0, 40_000]),
        Gen.Int[0, 2],
        (text, times, form) =>
        {
            byte[] repeated = [.. Enumerable.Repeat(text, Math.Min(times, 80_000 / Math.Max(1, text.Length))).SelectMany(bytes => bytes)];
            return form switch
            {
                // JSON with line ends between its tokens.
                0 => Encoding.UTF8.GetBytes($"{{\r\n \"a\":\n\"{Escape(Encoding.UTF8.GetString(repeated))}\",\r\"b\":[1,\n2]\n}}"),
                1 => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(repeated)),
                _ => repeated,
            };
        });

    private static readonly Gen<byte[]?> NullablePayloads = Gen.Select(Payloads, Gen.Int[0, 5], (bytes, kind) => kind == 0 ? null : bytes);

    private static readonly Gen<TestRecord> AnyRecord = Gen.Select(
        NullablePayloads, NullablePayloads, Gen.Select(Payloads, NullablePayloads).Array[0, 3], Gen.Int[0, 60_000], Gen.Int[0, 3], Gen.Int[0, 3],
        (key, value, headers, manyHeaders, keyAs, valueAs) => new TestRecord(
            key, value, manyHeaders < 50_000 ? headers : [.. Enumerable.Repeat((Array.Empty<byte>(), (byte[]?)null), manyHeaders)],
            new PayloadViews((PayloadType)keyAs, (PayloadType)valueAs)));

    [Fact]
    public Task Write_InPieces_GivesTheSameJsonAsAtOnceAndHoldsAConstant() =>
        Gen.Select(AnyRecord.Array[1, 4], Gen.Bool).SampleAsync(async (records, isOneLine) =>
    {
        var body = new CountingBody();
        var answer = new AnswerWriter(body, CancellationToken.None, isOneLine);
        var expected = new MemoryStream();
        await using var writer = new Utf8JsonWriter(expected, RecordJsonWriter.Options);
        writer.WriteStartArray();
        answer.Json.WriteStartArray();
        foreach (var record in records)
        {
            using var batch = new OpenBatch(record.Encode());
            Write(batch, record.Views);
            while (answer.MustWait)
                await answer.GoOnAsync();
        }

        writer.WriteEndArray();
        await writer.FlushAsync();
        answer.Json.WriteEndArray();
        await answer.EndAsync();
        var written = body.ToArray();

        Assert.Equal(Encoding.UTF8.GetString(expected.ToArray()), Encoding.UTF8.GetString(written));
        Assert.Equal(written.Length, answer.Length);
        Assert.InRange(body.HeldBytesMax, 0, HeldBytesMax);
        if (isOneLine)
            Assert.False(written.AsSpan().ContainsAny((byte)'\r', (byte)'\n'));

        void Write(OpenBatch batch, PayloadViews views)
        {
            var reader = batch.Read();
            Assert.True(reader.TryReadNext(out var view));
            RecordJsonWriter.Write(writer, 7, view, views, isOneLine: isOneLine);
            answer.Write(batch, 7, view, views);
        }
    }, iter: 300);

    [Fact]
    public async Task End_OfAShortAnswer_SendsNothingByItself()
    {
        var body = new CountingBody();
        var answer = new AnswerWriter(body, CancellationToken.None);
        answer.Json.WriteStringValue(new string('x', JsonLimits.ResponseShortBytesMax - 100));
        await answer.GoOnAsync();
        await answer.EndAsync();

        Assert.Equal(0, body.FlushCount);
    }

    // Else the server would send it after the memory of its batches was given back, to a reader that nobody watches.
    [Fact]
    public async Task End_OfAnAnswerThatIsNotShortAndWasNotSentYet_SendsIt()
    {
        var body = new CountingBody();
        var answer = new AnswerWriter(body, CancellationToken.None);
        answer.Json.WriteStringValue(new string('x', JsonLimits.ResponseShortBytesMax));
        await answer.GoOnAsync();
        Assert.Equal(0, body.FlushCount);
        await answer.EndAsync();

        Assert.Equal(1, body.FlushCount);
    }

    // The memory of its batches is given back behind it.
    [Fact]
    public async Task End_OfALongAnswer_SendsItsRest()
    {
        var body = new CountingBody();
        var answer = new AnswerWriter(body, CancellationToken.None);
        answer.Json.WriteStringValue(new string('x', JsonLimits.ResponseFlushBytes));
        await answer.GoOnAsync();
        Assert.Equal(1, body.FlushCount);
        answer.WriteText("rest"u8);
        await answer.EndAsync();

        Assert.Equal(2, body.FlushCount);
    }

    // Else the server sends the end of the last chunk by itself, and wakes the reader once more.
    [Theory]
    [InlineData(10, true), InlineData(JsonLimits.ResponseShortBytesMax, true), InlineData(JsonLimits.ResponseFlushBytes, false)]
    public async Task End_OfAnAnswerThatIsSentAsAWhole_TellsItsLength(int valueBytes, bool isWhole)
    {
        var (body, headers) = (new CountingBody(), new HeaderDictionary());
        var answer = new AnswerWriter(body, CancellationToken.None, headers: headers);
        answer.Json.WriteStringValue(new string('x', valueBytes));
        answer.WriteText("é"u8);
        await answer.GoOnAsync();
        await answer.EndAsync();

        Assert.Equal(isWhole ? body.ToArray().Length : null, headers.ContentLength);
    }

    [Fact]
    public Task Write_OfOneDocumentBehindTheOther_CountsAllAndHoldsAConstant() =>
        Gen.Select(Gen.Int[0, 3 * JsonLimits.ResponseFlushBytes], Gen.Int[0, 100]).Array[1, 12].SampleAsync(async documents =>
        {
            var body = new CountingBody();
            var answer = new AnswerWriter(body, CancellationToken.None);
            foreach ((var valueBytes, var textBytes) in documents)
            {
                answer.WriteText(new byte[textBytes]);
                using var batch = new OpenBatch(new TestRecord([], new byte[valueBytes], [], default).Encode());
                Write(batch);
                while (answer.MustWait)
                    await answer.GoOnAsync();
                answer.EndDocument();
                answer.WriteText("\n\n"u8);
                if (textBytes % 2 == 0)
                    await answer.FlushAsync();
            }

            await answer.FlushAsync();
            Assert.Equal(body.ToArray().Length, answer.Length);
            Assert.InRange(body.HeldBytesMax, 0, HeldBytesMax);

            void Write(OpenBatch batch)
            {
                Assert.True(batch.Read().TryReadNext(out var view));
                answer.Write(batch, 7, view, default);
            }
        }, iter: 100);

    [Fact]
    public async Task Flush_OfAnAnswerThatIsEnded_Throws()
    {
        using var ended = new CancellationTokenSource();
        var answer = new AnswerWriter(new CountingBody(), ended.Token);
        answer.WriteText("x"u8);
        await answer.FlushAsync();
        await ended.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer.FlushAsync().AsTask());
    }

    // Only what JSON does not allow as it is.
    private static string Escape(string text) => string.Concat(text.Select(
        c => c is '"' or '\\' ? $"\\{c}" : c < ' ' ? $"\\u{(int)c:x4}" : c.ToString()));

    private sealed record TestRecord(byte[]? Key, byte[]? Value, (byte[] Key, byte[]? Value)[] Headers, PayloadViews Views)
    {
        public byte[] Encode()
        {
            using var headers = new RecordHeadersWriter();
            foreach ((var key, var value) in Headers)
                headers.Append(key.AsSpan(), value, value is not null);
            using var writer = new RecordBatchWriter();
            writer.Append(1_781_205_600_000, Key, Key is not null, Value, Value is not null, headers.EncodedHeaders);
            writer.Finish();
            return writer.ToArray();
        }
    }

    /// <summary>A body that counts what it holds between two flushes, as a connection would.</summary>
    private sealed class CountingBody : PipeWriter
    {
        private readonly ArrayBufferWriter<byte> _taken = new();
        private byte[] _memory = [];
        private int _heldBytes;
        public int FlushCount { get; private set; }

        public int HeldBytesMax { get; private set; }

        public byte[] ToArray() => _taken.WrittenSpan.ToArray();

        public override void Advance(int bytes)
        {
            _taken.Write(_memory.AsSpan(0, bytes));
            _heldBytes += bytes;
            HeldBytesMax = Math.Max(HeldBytesMax, _heldBytes);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _memory = new byte[Math.Max(sizeHint, 4096)];

        public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            FlushCount++;
            _heldBytes = 0;
            return default;
        }

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}

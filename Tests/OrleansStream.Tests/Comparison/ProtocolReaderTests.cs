using System.Text;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Protocols;

namespace OrleansStream.Tests.Comparison;

/// <summary>What the load driver of the benchmarks takes for a success, and what it does not.</summary>
public sealed class ProtocolReaderTests
{
    private const string Results = "{\"results\":[{\"partition\":0,\"offset\":7},{\"partition\":0,\"offset\":8}]}";

    public static TheoryData<string> HttpAnswers() =>
    [
        $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: {Results.Length}\r\n\r\n{Results}",
        $"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{Results[..16]}\r\n{Results.Length - 16:x}\r\n{Results[16..]}\r\n0\r\n\r\n",
    ];

    [Theory]
    [MemberData(nameof(HttpAnswers))]
    public void TryRead_WhenAnAnswerComesInPieces_TakesItWholeAndNoByteMore(string answer)
    {
        var received = Encoding.ASCII.GetBytes(answer + "HTTP/1.1 500");
        var reader = new HttpAnswerReader();
        for (var length = 0; length < answer.Length; length++)
            Assert.Equal(0, reader.TryRead(received.AsSpan(0, length)));
        Assert.Equal(answer.Length, reader.TryRead(received));
        Assert.Equal(200, reader.Status);
        Assert.Equal(Results, Encoding.ASCII.GetString(reader.Body(received)));
    }

    [Theory]
    [InlineData(200, 2, true)]
    [InlineData(207, 2, false)]
    [InlineData(429, 2, false)]
    [InlineData(200, 3, false)]
    public void TakeAnswer_OfProduce_CountsOnlyAnAnswerWithEveryOffset(int status, int records, bool isTaken)
    {
        var answer = Encoding.ASCII.GetBytes($"HTTP/1.1 {status} X\r\nContent-Length: {Results.Length}\r\n\r\n{Results}");
        var exchange = ProduceExchange.OfRecords(new RepeatedRequest("x"u8, 1), records, 0);
        if (isTaken)
            Assert.Equal(answer.Length, exchange.TakeAnswer(answer, out _, out _));
        else
            Assert.Throws<UnexpectedAnswerException>(() => exchange.TakeAnswer(answer, out _, out _));
    }

    [Theory]
    [InlineData("+OK\r\n")]
    [InlineData(":17\r\n")]
    [InlineData("$-1\r\n")]
    [InlineData("*-1\r\n")]
    [InlineData("$5\r\n1\r\n-0\r\n")]
    [InlineData("*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nv\r\n$2\r\nab\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nv\r\n$2\r\ncd\r\n")]
    public void TryRead_OfRedis_TakesAReplyWholeAndNoByteMore(string reply)
    {
        var received = Encoding.ASCII.GetBytes(reply + "+");
        for (var length = 0; length < reply.Length; length++)
            Assert.Equal(0, RespReader.TryRead(received.AsSpan(0, length)));
        Assert.Equal(reply.Length, RespReader.TryRead(received));
    }

    [Fact]
    public void TakeAnswer_OfRedisRead_CountsTheEntriesAndGoesOnBehindTheLast()
    {
        var reply = Encoding.ASCII.GetBytes(
            "*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nv\r\n$2\r\nab\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nv\r\n$2\r\ncd\r\n");
        var exchange = new RedisReadExchange("s", 250, 2);
        Assert.Equal(reply.Length, exchange.TakeAnswer(reply, out var records, out var bytes));
        Assert.Equal((2, 4L), (records, bytes));
        var next = Encoding.ASCII.GetString(exchange.NextRequests(1, out _).Span);
        Assert.EndsWith("$3\r\n1-1\r\n", next);
    }

    [Theory]
    [InlineData("-ERR wrong\r\n")]
    [InlineData("$-1\r\n")]
    public void TakeAnswer_OfRedisAppend_RefusesWhatIsNoId(string reply)
    {
        var exchange = new RedisAppendExchange(new RepeatedRequest("x"u8, 1), 1);
        Assert.ThrowsAny<Exception>(() => exchange.TakeAnswer(Encoding.ASCII.GetBytes(reply), out _, out _));
    }

    [Theory]
    [InlineData("MSG _INBOX.1 1 27\r\n{\"stream\":\"load\", \"seq\":17}\r\n", true)]
    [InlineData("PING\r\nMSG _INBOX.1 1 27\r\n{\"stream\":\"load\", \"seq\":17}\r\n", true)]
    [InlineData("MSG _INBOX.1 1 26\r\n{\"error\":{\"code\":503},\"s\":1\r\n", false)]
    [InlineData("-ERR 'Authorization Violation'\r\n", false)]
    public void TakeAnswer_OfNats_CountsAcknowledgementsOnly(string answer, bool isTaken)
    {
        var received = Encoding.ASCII.GetBytes(answer);
        var exchange = new NatsPublishExchange("load", "x"u8, 1, 1);
        Assert.Equal(0, exchange.TakeAnswer(received.AsSpan(0, received.Length - 3), out _, out _));
        if (isTaken)
            Assert.Equal(received.Length, exchange.TakeAnswer(received, out _, out _));
        else
            Assert.Throws<UnexpectedAnswerException>(() => exchange.TakeAnswer(received, out _, out _));
    }
}

using System.IO.Pipelines;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Tests.Kafka.Traps;

/// <summary>Reads the produce requests that pass a proxy, and answers them in the service's place.</summary>
internal static class ProduceFrame
{
    /// <summary>Reads a request.</summary>
    public static ProduceRequest Read(PassingFrame frame)
    {
        var isFlexible = ProduceRequest.Api.IsFlexible(frame.Version);
        var reader = new WireReader(frame.Bytes, isFlexible: false);
        RequestHeader.Read(ref reader);
        RequestHeader.ReadClientId(ref reader, isFlexible);
        return ProduceRequest.Read(new WireReader(frame.Bytes.AsMemory(reader.Position), isFlexible));
    }

    /// <summary>Answers a request with an error, for each of its batches.</summary>
    public static async ValueTask<FrameFate> FailAsync(PassingFrame frame, KafkaError error)
    {
        var request = Read(frame);
        using var writer = new WireWriter();
        writer.WriteInt32(frame.CorrelationId);
        writer.IsFlexible = ProduceRequest.Api.IsFlexible(frame.Version);
        writer.WriteNoTags();
        var count = request.Topics.Sum(topic => topic.Partitions.Length);
        var failed = ProduceResult.Failed(error, "It is said so by a test.");
        new ProduceAnswer(request, [.. Enumerable.Repeat(failed, count)]).Write(writer, frame.Version);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await writer.SendAsync(pipe.Writer, CancellationToken.None);
        await pipe.Writer.CompleteAsync();
        using var bytes = new MemoryStream();
        await pipe.Reader.CopyToAsync(bytes);
        return new FrameFate(Cuts: false, bytes.ToArray()[sizeof(int)..]);
    }
}

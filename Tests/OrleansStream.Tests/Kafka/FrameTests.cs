using System.Buffers.Binary;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Wire;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Kafka;

/// <summary>
/// Requests as real clients send them, and what may be made of them: each is read as it is, or refused as malformed, and nothing else.
/// </summary>
public sealed class FrameTests
{
    private static readonly byte[] Lies = [0x00, 0x01, 0x7f, 0x80, 0xff];

    /// <summary>
    /// Runs every client against the endpoint, and tells which requests it sends: a new version of a client that chooses other ones shows here.
    /// </summary>
    [Fact]
    public async Task Clients_SendWhatWasRecorded()
    {
        await using var api = new ApiFixture(TimeProvider.System, services => services.Configure<KafkaOptions>(kafka =>
        {
            kafka.Enabled = true;
            kafka.Listen = KafkaFixture.AnyPort;
            kafka.AdvertisedHost = "127.0.0.1";
            kafka.NodeId = 1;
        }));
        await api.InitializeAsync();
        var lines = new List<string>();
        foreach (var client in ClientScenario.Clients)
        {
            await using var recorder = new FrameProxy(api.Part<LocalBroker>().Bound!.Port);
            api.Part<Microsoft.Extensions.Options.IOptions<KafkaOptions>>().Value.AdvertisedPort = recorder.Port;
            await ClientScenario.RunAsync(client, $"127.0.0.1:{recorder.Port}", $"frames-{client}");
            lines.AddRange(recorder.Frames.Where(frame => RecordedFrames.Readers.ContainsKey((ApiKey)BinaryPrimitives.ReadInt16BigEndian(frame)))
                .Select(frame => RecordedFrames.LineOf(client, frame)).DistinctBy(KindOf));
        }

        lines.Sort(StringComparer.Ordinal);
        if (Environment.GetEnvironmentVariable("GOLDEN_UPDATE") is { Length: > 0 } folder)
            await File.WriteAllLinesAsync(Path.Combine(folder, RecordedFrames.File), lines);

        Assert.Equal(RecordedFrames.Read().Select(frame => KindOf(RecordedFrames.LineOf(frame.Client, frame.Bytes))), lines.Select(KindOf));
    }

    [Fact]
    public void Frame_WhenWhole_IsRead()
    {
        foreach (var frame in RecordedFrames.Read())
            frame.ReadAs(frame.Bytes);
    }

    [Fact]
    public void Frame_WhenCutOffAnywhere_IsMalformed()
    {
        foreach (var frame in RecordedFrames.Read())
        {
            for (var length = 0; length < frame.Bytes.Length; length++)
                Assert.Throws<MalformedFrameException>(() => frame.ReadAs(frame.Bytes.AsMemory(0, length)));
        }
    }

    /// <summary>As librdkafka sends its request for all topics: with three bytes behind the last field.</summary>
    [Fact]
    public void Frame_WhenMoreFollows_IsReadAsFarAsItGoes()
    {
        foreach (var frame in RecordedFrames.Read())
            frame.ReadAs((byte[])[.. frame.Bytes, 0, 0, 0]);
    }

    /// <summary>Every byte is made to lie, and so is every length: alone, and as the number of two, four and eight bytes that begins there.</summary>
    [Fact]
    public void Frame_WhenAnyNumberLies_IsReadOrMalformed()
    {
        foreach (var frame in RecordedFrames.Read())
        {
            for (var at = 8; at < frame.Bytes.Length; at++)
            {
                foreach (var length in new[] { 1, 2, 4, 8 })
                {
                    foreach (var lie in Lies)
                    {
                        var bytes = frame.Bytes.ToArray();
                        bytes.AsSpan(at, Math.Min(length, bytes.Length - at)).Fill(lie);
                        ReadOrRefuse(frame, bytes);
                    }
                }
            }
        }
    }

    [Fact]
    public void Body_OfAnyBytes_IsReadOrMalformed()
    {
        var versions = RecordedFrames.Readers.Values.Concat(RecordedFrames.Others).SelectMany(
            reader => Enumerable.Range(reader.Api.Min, reader.Api.Max - reader.Api.Min + 1)
            .Select(version => (reader.Api, reader.Read, Version: (short)version))).ToArray();

        // Small bytes make lengths that can be true.
        Gen.Select(Gen.Int[0, versions.Length - 1], Gen.Frequency((3, Gen.Byte[0, 4]), (1, Gen.Byte)).Array[0, 120]).Sample((which, bytes) =>
        {
            var (api, read, version) = versions[which];
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(new WireReader(bytes, api.IsFlexible(version)), version);
            }
            catch (MalformedFrameException)
            {
                // As it must be.
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024);
        }, iter: 20_000);
    }

    private static void ReadOrRefuse(RecordedFrame frame, byte[] bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            frame.ReadAs(bytes);
        }
        catch (MalformedFrameException)
        {
            // As it must be.
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024);
    }

    private static string KindOf(string line) => string.Join(' ', line.Split(' ')[..3]);
}

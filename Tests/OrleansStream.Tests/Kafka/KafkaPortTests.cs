using System.Net;
using System.Net.Sockets;
using Confluent.Kafka;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Kafka;

/// <summary>Where the endpoint listens, and what happens when another process listens there.</summary>
public sealed class KafkaPortTests : IDisposable
{
    private static readonly (string Key, string Value) Enabled = (TestEnvironment.KafkaEnabled, "true");
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// The default: it is on, at the port at which Kafka's clients look for a broker, and no reason not to serve HTTP when another has it.
    /// </summary>
    [Fact]
    public async Task Start_WhenTheDefaultPortIsTaken_WarnsInOneLineAndServesHttp()
    {
        using var taken = TakeDefaultPort();
        await using var service = await ServiceProcess.StartAsync(_folder.PathOf("data"), settings: Enabled);

        using var client = service.Connect();
        await client.CreateTopicAsync("served", 1);
        var warning = Assert.Single(service.Output, line => line.Contains(" warn: ", StringComparison.Ordinal));
        Assert.Contains("Kafka clients are not served: localhost:9092 cannot be listened on", warning, StringComparison.Ordinal);
        Assert.Empty(service.Errors);
    }

    [Fact]
    public async Task Start_WhenAPortThatIsSetIsTaken_FailsAndSaysSoInOneLine()
    {
        var port = FreePort.Find();
        using var taken = new TcpListener(IPAddress.Loopback, port);
        taken.Start();
        await using var service = ServiceProcess.Launch(_folder.PathOf("data"), settings: [Enabled, ("OrleansStream__Kafka__Listen", $"127.0.0.1:{port}")]);

        Assert.Equal(1, await service.WaitForExitAsync());
        var line = Assert.Single(service.Errors);
        Assert.Contains($"OrleansStream:Kafka:Listen is '127.0.0.1:{port}', which cannot be listened on", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_WithAPortThatIsFree_ServesKafkaClientsBesideHttp()
    {
        var port = FreePort.Find();
        await using var service = await ServiceProcess.StartAsync(_folder.PathOf("data"), settings: ("OrleansStream__Kafka__Listen", $"localhost:{port}"));
        using (var none = new TcpClient())
            await Assert.ThrowsAsync<SocketException>(() => none.ConnectAsync(IPAddress.Loopback, port));

        await using var served = await ServiceProcess.StartAsync(_folder.PathOf("other"), settings: [Enabled, ("OrleansStream__Kafka__Listen", $"localhost:{port}")]);
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig { BootstrapServers = $"localhost:{port}" }).Build();
        var stored = await producer.ProduceAsync(new TopicPartition("made", 0), new Message<Null, string> { Value = "a" });
        Assert.Equal(0, stored.Offset.Value);
    }

    // Whoever has it already does as well.
    private static TcpListener TakeDefaultPort()
    {
        var listener = new TcpListener(IPAddress.Loopback, 9092);
        try
        {
            listener.Start();
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            // Another test run, or a broker of the machine.
        }

        return listener;
    }
}

using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Contracts;
using OrleansStream.Gateway.Admission;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>What one node takes at once, and what it takes of each client.</summary>
public sealed class LoadTests
{
    private const int NodeBytes = 1024 * 1024;
    private const string Records = "/v1/topics/t/partitions/0/records";

    [Fact]
    public void Flow_NamesItsRatesAsItsDescriptionDoes()
    {
        var flow = new FlowAnswer { RecordsPerSecond1m = 1, RecordsPerSecond5m = 2, BytesPerSecond1m = 3, BytesPerSecond5m = 4 };

        var json = System.Text.Json.JsonSerializer.SerializeToNode(flow, ApiJsonContext.Api.FlowAnswer)!;

        Assert.Equal(
            ["records_per_second_1m", "records_per_second_5m", "bytes_per_second_1m", "bytes_per_second_5m"],
            json.AsObject().Select(property => property.Key));
    }

    [Fact]
    public void DrainTime_FollowsThePaceAtWhichRequestsAreAnswered()
    {
        var time = new FakeTimeProvider();
        var node = new NodeLoad(time, 1_000_000);
        Assert.True(node.TryTake(1_000_000));
        Assert.False(node.TryTake(1));
        Assert.Equal(TimeSpan.FromSeconds(30), node.DrainTime()); // nothing has come back

        for (var i = 0; i < 100; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            node.Return(10_000);
            Assert.True(node.TryTake(10_000));
        }

        Assert.InRange(node.DrainTime().TotalSeconds, 9, 11); // 100,000 bytes a second
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_WhenTheNodeHasNoMemoryLeft_IsRefusedWithATimeAndNothingLeaks(bool hasLength)
    {
        await using var service = await Service.StartAsync();
        var node = service.Node;
        using var refused = await service.PostAsync(new byte[NodeBytes], hasLength);

        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter?.Delta);
        var problem = JsonNode.Parse(await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal("THROTTLING_QUOTA_EXCEEDED", (string?)problem["error_code"]);
        Assert.Null(problem["outcome"]);
        using var taken = await service.PostAsync(new byte[1000], hasLength);
        Assert.Equal(HttpStatusCode.OK, taken.StatusCode);
        await Wait.UntilAsync("all memory is given back", () => node.Bytes == 0);
    }

    [Fact]
    public async Task Send_WhenAClientHasUsedUpItsRequests_IsToldWhenToComeAgainAndOthersAreNot()
    {
        await using var service = await Service.StartAsync(("OrleansStream:Quotas:RequestsPerSecond", "5"));
        using var refused = await Service.UntilRefusedAsync(() => service.GetAsync("/v1/topics", "greedy"));

        Assert.True(refused.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        using var other = await service.GetAsync("/v1/topics", "modest");
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        using var nameless = await service.GetAsync("/v1/topics", "no name");
        Assert.Equal(HttpStatusCode.BadRequest, nameless.StatusCode);
    }

    [Fact]
    public async Task Post_WhenAClientHasUsedUpItsBytes_IsToldWhenToComeAgain()
    {
        await using var service = await Service.StartAsync(("OrleansStream:Quotas:ProduceBytesPerSecond", "1000"));
        using var refused = await Service.UntilRefusedAsync(() => service.PostAsync(new byte[400_000], hasLength: true));

        // At 1,000 bytes a second the missing ones take their time.
        Assert.True(refused.Headers.RetryAfter?.Delta > TimeSpan.FromSeconds(1));
        using var read = await service.GetAsync("/v1/topics", null);
        Assert.Equal(HttpStatusCode.OK, read.StatusCode);
    }

    [Theory]
    [InlineData("RequestsPerSecond", "-1")]
    [InlineData("ProduceBytesPerSecond", "2000000000")]
    public void Quotas_OutOfBounds_AreRefusedByName(string key, string value)
    {
        var options = new QuotaOptions();
        typeof(QuotaOptions).GetProperty(key)!.SetValue(options, int.Parse(value));

        var result = new QuotaOptionsValidator().Validate(null, options);

        Assert.Contains($"OrleansStream:Quotas:{key} is {value}", Assert.Single(result.Failures!), StringComparison.Ordinal);
    }

    private sealed class Service : WebApplicationFactory<OrleansStream.Api.Hosting.ConnectionMemory>
    {
        private (string Key, string Value)[] _settings = [];
        private HttpClient _client = null!;

        public NodeLoad Node { get; } = new(TimeProvider.System, NodeBytes);

        public static async Task<Service> StartAsync(params (string Key, string Value)[] settings)
        {
            var service = new Service { _settings = settings };
            service.UseKestrel();
            service.StartServer();
            service._client = new HttpClient { BaseAddress = service.ClientOptions.BaseAddress };
            using var made = await service._client.PutAsync("/v1/topics/t", null);
            Assert.Equal(HttpStatusCode.Created, made.StatusCode);
            return service;
        }

        public async Task<HttpResponseMessage> PostAsync(byte[] value, bool hasLength)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, Records) { Content = ApiFixture.Body(value, "application/octet-stream") };
            request.Headers.TransferEncodingChunked = !hasLength;
            return await _client.SendAsync(request, TestContext.Current.CancellationToken);
        }

        public async Task<HttpResponseMessage> GetAsync(string path, string? client)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (client is not null)
                request.Headers.Add("Client-Id", client);
            return await _client.SendAsync(request, TestContext.Current.CancellationToken);
        }

        public static async Task<HttpResponseMessage> UntilRefusedAsync(Func<Task<HttpResponseMessage>> send)
        {
            for (var i = 0; i < 200; i++)
            {
                var response = await send();
                if (response.StatusCode == HttpStatusCode.TooManyRequests)
                    return response;
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                response.Dispose();
            }

            throw new InvalidOperationException("Nothing was refused.");
        }

        public override async ValueTask DisposeAsync()
        {
            _client.Dispose();
            await base.DisposeAsync();
        }

        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseSetting("OrleansStream:Storage:Provider", "Memory").UseSetting(WebHostDefaults.ServerUrlsKey, ApiFixture.AnyPort);
            foreach ((var key, var value) in _settings)
                builder.UseSetting(key, value);
            builder.ConfigureTestServices(services => services.AddSingleton(Node));
        }
    }
}

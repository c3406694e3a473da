using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Gateway.Admission;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>A caller that takes nothing of its answer is cut off after a minute, and one that pauses is not.</summary>
public sealed class StalledReaderTests : IAsyncLifetime
{
    private readonly WatchedTime _time = new();
    private readonly NodeAnswers _node = new(TimeProvider.System, bytesMax: 1_000);
    private readonly TaskCompletionSource _ended = new();
    private RequestDelegate _answer = null!;
    private WebApplication _service = null!;
    private bool _isCut;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton<TimeProvider>(_time);
        builder.Services.AddSingleton(_node);
        _service = builder.Build();
        _service.Use((context, next) =>
        {
            context.Features.Set(new ServiceCut());
            return next(context);
        });
        _service.UseMiddleware<StalledReaderMiddleware>();
        _service.Run(async context =>
        {
            try
            {
                await _answer(context);
            }
            catch (OperationCanceledException)
            {
                // The connection was cut under a write.
            }
            finally
            {
                _isCut = context.RequestAborted.IsCancellationRequested && context.Features.Get<ServiceCut>()!.IsCut;
                _ended.TrySetResult();
            }
        });
        await _service.StartAsync(TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Get_WhenItsReaderStandsStill_IsCutAfterAMinuteWithoutProgress(bool asPieces)
    {
        _answer = context => EndlessAsync(context, asPieces);
        using var reader = await ConnectAsync();
        await _time.WaitForTimerAsync();
        // A pause: it goes on, and has a minute again.
        _time.Advance(HttpLimits.AnswerWriteMax - TimeSpan.FromSeconds(1));
        Assert.False(_ended.Task.IsCompleted);
        var timers = _time.TimerCount;
        var block = new byte[1 << 20];
        await Wait.UntilAsync("the next write waits", async () =>
        {
            if (_time.TimerCount == timers)
                await reader.ReceiveAsync(block);
            return _time.TimerCount > timers;
        });
        _time.Advance(HttpLimits.AnswerWriteMax - TimeSpan.FromSeconds(1));
        Assert.False(_ended.Task.IsCompleted);
        await Wait.UntilAsync("it is cut", () =>
        {
            // The write that waits may be a later one than was seen.
            _time.Advance(TimeSpan.FromSeconds(1));
            return _ended.Task.IsCompleted;
        });
        Assert.True(_isCut);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Get_OfALongAnswer_GivesAReaderAMinuteForEachPartThatItIsSentAtOnce(bool isQuick)
    {
        var sent = new byte[HttpLimits.AnswerWriteBytes];
        // The clock goes on at each look at it, so that every write takes as long; else none takes any time.
        _time.AutoAdvanceAmount = isQuick ? TimeSpan.Zero : HttpLimits.QuickAnswerWriteMax * 2;
        _answer = async context =>
        {
            // The first part of a connection is short, whoever reads.
            await context.Response.Body.WriteAsync(new byte[HttpLimits.AnswerWriteBytes + 1]);
            await EndlessAsync(context, asPieces: false);
        };
        using var reader = await ConnectAsync();
        await _time.WaitForTimerAsync();
        for (var left = sent.Length; left > 0;)
            left -= await reader.ReceiveAsync(sent, TestContext.Current.CancellationToken);
        var parts = isQuick ? HttpLimits.QuickAnswerWriteBytes / HttpLimits.AnswerWriteBytes : 1;
        await Wait.UntilAsync("a write waits for its reader", () => _time.LastDue == HttpLimits.AnswerWriteMax * parts);

        _time.Advance((HttpLimits.AnswerWriteMax * parts) - TimeSpan.FromSeconds(1));
        Assert.False(_ended.Task.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        await _ended.Task.WaitAsync(TestContext.Current.CancellationToken);
        Assert.True(_isCut);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Get_WhenItsReaderIsSlow_IsCutWhereOthersNeedTheMemory(bool isHalfTaken)
    {
        while (isHalfTaken && !_node.IsHalfTaken)
            Assert.True(_node.TryTake(100));
        _answer = context => EndlessAsync(context, asPieces: true);
        using var reader = await ConnectAsync();
        var block = new byte[1 << 20];
        var timers = 0;
        // Each write goes on just in time.
        for (var i = 0; i < 5 && !_ended.Task.IsCompleted; i++)
        {
            await Wait.UntilAsync("the next write waits", () =>
            {
                if (i > 0 && _time.TimerCount == timers && reader.Available > 0)
                    reader.Receive(block);
                return _time.TimerCount > timers || _ended.Task.IsCompleted;
            });
            timers = _time.TimerCount;
            _time.Advance(HttpLimits.AnswerWriteMax - TimeSpan.FromSeconds(1));
        }

        Assert.Equal(isHalfTaken, _ended.Task.IsCompleted && _isCut);
    }

    [Fact]
    public async Task Get_WhenNothingIsToBeSentForLong_GoesOn()
    {
        var goesOn = new TaskCompletionSource();
        _answer = async context =>
        {
            await context.Response.WriteAsync("a");
            await context.Response.Body.FlushAsync();
            await goesOn.Task;
            await context.Response.WriteAsync("b");
        };
        using var client = new HttpClient { BaseAddress = new Uri(_service.Urls.Single()) };
        using var response = await client.GetAsync("/", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromHours(1));
        goesOn.SetResult();
        Assert.Equal("ab", await ApiFixture.TextAsync(response));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(HttpLimits.AnswerWriteBytes)]
    [InlineData(3 * HttpLimits.AnswerWriteBytes + 1)]
    public async Task Get_WithAnyLength_GivesTheSameBytes(int length)
    {
        var bytes = new byte[length];
        new Random(7).NextBytes(bytes);
        _answer = async context =>
        {
            await context.Response.Body.WriteAsync(bytes);
            await context.Response.BodyWriter.WriteAsync(bytes);
            bytes.CopyTo(context.Response.BodyWriter.GetSpan(length));
            context.Response.BodyWriter.Advance(length);
            await context.Response.BodyWriter.FlushAsync();
        };
        using var client = new HttpClient { BaseAddress = new Uri(_service.Urls.Single()) };
        Assert.Equal((byte[])[.. bytes, .. bytes, .. bytes], await client.GetByteArrayAsync("/", TestContext.Current.CancellationToken));
    }

    private static async Task EndlessAsync(HttpContext context, bool asPieces)
    {
        var piece = new byte[asPieces ? 10_000 : 4 << 20];
        while (!context.RequestAborted.IsCancellationRequested)
        {
            if (asPieces)
            {
                piece.CopyTo(context.Response.BodyWriter.GetSpan(piece.Length));
                context.Response.BodyWriter.Advance(piece.Length);
                await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            }
            else
            {
                await context.Response.Body.WriteAsync(piece, context.RequestAborted);
            }
        }
    }

    private async Task<Socket> ConnectAsync()
    {
        var address = new Uri(_service.Urls.Single());
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 8192 };
        await socket.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: {address.Authority}\r\n\r\n"), TestContext.Current.CancellationToken);
        return socket;
    }

    /// <summary>A clock of the test's that counts timers: each is a write that waits for its reader.</summary>
    private sealed class WatchedTime : FakeTimeProvider
    {
        private int _timerCount;

        public int TimerCount => Volatile.Read(ref _timerCount);

        public TimeSpan LastDue { get; private set; }

        public Task WaitForTimerAsync() => Wait.UntilAsync("a write waits for its reader", () => TimerCount > 0);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            LastDue = dueTime;
            Interlocked.Increment(ref _timerCount);
            return timer;
        }
    }
}

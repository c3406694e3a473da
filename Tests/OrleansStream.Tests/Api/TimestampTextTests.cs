using System.Globalization;
using System.Text;
using CsCheck;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

[Collection(ApiTests.Name)]
public class TimestampTextTests(ApiFixture api)
{
    [Theory]
    [InlineData("1970-01-01T00:00:00Z", 0), InlineData("1970-01-01t00:00:00z", 0), InlineData("1970-01-01T00:00:00.0019999999999999999999z", 1)]
    [InlineData("2016-12-31T23:59:60Z", 1_483_228_800_000), InlineData("2016-12-31t23:59:60.5z", 1_483_228_800_500)]
    [InlineData("1990-12-31T15:59:60-08:00", 662_688_000_000), InlineData("2017-01-01T08:59:60+09:00", 1_483_228_800_000)]
    [InlineData("2015-06-30T23:59:60Z", 1_435_708_800_000), InlineData("2026-01-01T01:30:00+02:00", 1_767_223_800_000)]
    [InlineData("2026-01-01T00:00:00-00:00", 1_767_225_600_000), InlineData("2026-01-01T23:59:59.999+23:59", 1_767_225_659_999)]
    [InlineData("9999-12-31T23:59:59.999Z", TimestampText.MsMax), InlineData("2024-02-29T00:00:00Z", 1_709_164_800_000)]
    public void TryRead_WhenRfc3339_IsThatTime(string text, long timestampMs)
    {
        Assert.True(TimestampText.TryRead(Encoding.UTF8.GetBytes(text), out var read));
        Assert.Equal(timestampMs, read);
    }

    [Theory]
    [InlineData(""), InlineData("2026-06-11"), InlineData("2026-06-11T19:20:00"), InlineData("2026-06-11T19:20Z"), InlineData("2026-06-11T19:20+02:00")]
    [InlineData("2026-06-11 19:20:00Z"), InlineData("2026-06-31T19:20:00Z"), InlineData("2023-02-29T00:00:00Z"), InlineData("2026-13-01T00:00:00Z")]
    [InlineData("2026-06-11T24:00:00Z"), InlineData("2026-06-11T19:60:00Z"), InlineData("2026-06-11T19:20:61Z"), InlineData("2026-06-11T19:20:00.Z")]
    [InlineData("2026-06-11T19:20:00,5Z"), InlineData("2026-06-11T19:20:00+0200"), InlineData("2026-06-11T19:20:00+24:00"), InlineData("2026-06-11T19:20:00+02:60")]
    [InlineData("2026-06-11T19:20:00Zz"), InlineData("2026-06-11T19:20:00Z "), InlineData(" 2026-06-11T19:20:00Z"), InlineData("+2026-06-11T19:20:00Z")]
    [InlineData("2016-12-31T23:58:60Z"), InlineData("2016-12-30T23:59:60Z"), InlineData("2016-12-31T23:59:60+01:00"), InlineData("1969-12-31T23:59:59Z")]
    [InlineData("9999-12-31T23:59:60Z"), InlineData("0000-01-01T00:00:00Z"), InlineData("١٩٧٠-01-01T00:00:00Z"), InlineData("2026-06-11\u0174\u0031\u0039:20:00Z")]
    public void TryRead_WhenNoRfc3339_IsRefused(string text) => Assert.False(TimestampText.TryRead(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void TryRead_WhateverTheTime_IsWhatWasWritten() =>
        Gen.Select(Gen.Long[0, TimestampText.MsMax], Gen.Int[-839, 839], Gen.Bool).Sample((ms, offset, isLower) =>
        {
            var written = new byte[TimestampText.LengthBytes];
            Assert.True(TimestampText.TryWrite(ms, written));
            Assert.True(TimestampText.TryRead(written, out var back));
            Assert.Equal(ms, back);
            var time = DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(ms, 100_000_000, TimestampText.MsMax - 100_000_000));
            var local = time.ToOffset(TimeSpan.FromMinutes(offset)).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffffzzz", CultureInfo.InvariantCulture);
            Assert.True(TimestampText.TryRead(Encoding.UTF8.GetBytes(isLower ? local.ToLowerInvariant() : local), out back), local);
            Assert.Equal(time.ToUnixTimeMilliseconds(), back);
        }, iter: 5_000);

    [Theory]
    [InlineData("2020-01-01t00:00:00z", "2020-01-01T00:00:00.000Z"), InlineData("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z")]
    [InlineData("2020-01-01t02:00:00\\u002b02:00", "2020-01-01T00:00:00.000Z")]
    public async Task Times_WhereverTheyAreTaken_MeanTheSame(string text, string stored)
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", $$"""{"records":[{"value":1,"timestamp":"{{text}}"}]}""");
        var plain = text.Replace("\\u002b", "+", StringComparison.Ordinal);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/records") { Content = ApiFixture.Body([1], "application/octet-stream") };
        request.Headers.Add("Record-Timestamp", plain);
        Assert.Equal(200, (int)(await api.SendAsync(request)).StatusCode);
        var read = await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?timestamp={Uri.EscapeDataString(plain)}");
        Assert.Equal([stored, stored], read["records"]!.AsArray().Select(record => (string)record!["timestamp"]!));
        var reset = await api.PostAsync($"/v1/groups/{topic}/offsets/reset", $$"""{"topics":["{{topic}}"],"to":"timestamp","timestamp":"{{text}}","dry_run":true}""");
        Assert.Equal(0, (long)reset["offsets"]![0]!["to"]!);
    }
}

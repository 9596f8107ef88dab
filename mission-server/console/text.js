// The console's texts. English is the key of every other language.

const vi = {
  'Missions': 'Nhiệm vụ', 'Playground': 'Thử quy tắc', 'Reviews': 'Duyệt', 'Users': 'Người dùng', 'Analytics': 'Thống kê',
  'Operations': 'Vận hành', 'Sign in': 'Đăng nhập', 'Sign out': 'Đăng xuất', 'Token': 'Mã thông báo',
  'Sign in as a developer': 'Đăng nhập để phát triển', 'Loading…': 'Đang tải…', 'Status': 'Trạng thái', 'Title': 'Tên',
  'Code': 'Mã', 'Category': 'Danh mục', 'Window': 'Thời gian', 'Priority': 'Ưu tiên', 'Type': 'Loại', 'Frequency': 'Tần suất',
  'Reward': 'Phần thưởng', 'Budget': 'Ngân sách', 'Pack': 'Gói', 'Version': 'Phiên bản', 'Health': 'Tình trạng', 'Activate': 'Kích hoạt',
  'Pause': 'Tạm dừng', 'Archive': 'Lưu trữ', 'Cancel': 'Hủy', 'Confirm': 'Xác nhận', 'Definition': 'Định nghĩa', 'Funnel, last 30 days': 'Phễu, 30 ngày qua',
  'started': 'đã bắt đầu', 'completed': 'đã hoàn thành', 'claimed': 'đã nhận', 'Approve': 'Chấp thuận', 'Reject': 'Từ chối', 'Note': 'Ghi chú',
  'Nothing waits.': 'Không có gì đang chờ.', 'Find': 'Tìm', 'User id': 'Mã người dùng', 'Tasks': 'Việc đang làm', 'Rewards': 'Phần thưởng', 'Ledger': 'Sổ cái',
  'Calendar': 'Lịch', 'Points': 'Điểm', 'Level': 'Cấp', 'Streak': 'Chuỗi ngày', 'Why not?': 'Vì sao không?', 'Explain': 'Giải thích', 'Check': 'Kiểm tra',
  'Run': 'Chạy', 'Script': 'Kịch bản', 'Context': 'Ngữ cảnh', 'Hook': 'Hàm', 'Trace': 'Dấu vết', 'Findings': 'Phát hiện', 'From': 'Từ', 'To': 'Đến',
  'Mission': 'Nhiệm vụ', 'All': 'Tất cả', 'Live': 'Trực tiếp', 'Month': 'Tháng', 'Step': 'Bước', 'Audit': 'Nhật ký', 'Dependencies': 'Phụ thuộc', 'More': 'Thêm',
};

const languages = { en: {}, vi };
const KEY = 'mission-console-language';
export const names = { en: 'English', vi: 'Tiếng Việt' };

export function language() {
  const wanted = localStorage.getItem(KEY) ?? navigator.language.slice(0, 2);
  return wanted in languages ? wanted : 'en';
}

export function setLanguage(code) {
  localStorage.setItem(KEY, code);
  document.documentElement.lang = code;
}

export const t = (text) => languages[language()][text] ?? text;

export const number = (value) => (value == null ? '–' : Number(value).toLocaleString(language(), { maximumFractionDigits: 6 }));
export const time = (value) => (value ? new Date(value).toLocaleString(language(), { dateStyle: 'short', timeStyle: 'short' }) : '–');
